import type { StoredObject } from './api-server.ts';

/** Distinct images in the whole cluster; a kubelet tells fifty of those that its node has. */
const distinctImages = 400;
const imagesOfNode = 50;

/** Nodes as large as those of a cluster in use: about 17 KB of JSON, 33 KB as kubectl prints it. */
export function largeNodes(count: number): StoredObject[] {
  const images = Array.from({ length: distinctImages }, (_, index) => imageOf(index));
  return Array.from({ length: count }, (_, index) => nodeOf(index, images));
}

export function manyNamespaces(count: number): StoredObject[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `team-${index}`;
    return {
      metadata: {
        name,
        labels: { 'kubernetes.io/metadata.name': name, tier: `tier-${index % 7}` },
        annotations: { 'example.com/owner': `${name}@example.com`.repeat(10) },
        managedFields: managedFields(2),
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
  });
}

function nodeOf(index: number, images: readonly object[]): StoredObject {
  const name = `ip-10-${index >> 8}-${index & 255}.internal`;
  const begin = (index * 7) % (distinctImages - imagesOfNode);
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'm6i.2xlarge',
        'topology.kubernetes.io/region': 'eu-central-1',
        'topology.kubernetes.io/zone': `eu-central-1${'abc'[index % 3]}`,
        'example.com/machine': `i-${index.toString(16).padStart(17, '0')}`,
      },
      annotations: { 'example.com/cni': `10.${index >> 8}.${index & 255}.0/24 `.repeat(20) },
      managedFields: managedFields(6),
    },
    spec: { podCIDR: `10.${index >> 8}.${index & 255}.0/24` },
    status: {
      addresses: [
        { type: 'InternalIP', address: `10.0.${index >> 8}.${index & 255}` },
        { type: 'Hostname', address: name },
      ],
      conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        lastHeartbeatTime: '2026-01-01T00:00:00Z',
        reason: 'KubeletIsContent',
        message: 'kubelet is posting ready status',
      })),
      nodeInfo: {
        architecture: 'amd64',
        operatingSystem: 'linux',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        kubeletVersion: 'v1.36.3',
        kernelVersion: '6.1.0-30-cloud-amd64',
        containerRuntimeVersion: 'containerd://2.4.2',
        machineID: index.toString(16).padStart(32, '0'),
      },
      images: [
        ...images.slice(begin, begin + imagesOfNode - 1),
        { names: ['registry.k8s.io/pause:3.10.1'], sizeBytes: 320_448 },
      ],
    },
  };
}

function imageOf(index: number): object {
  const repository = `registry.example.com/platform/department-${index % 20}/service-${index}`;
  const digest = (index + 1).toString(16).padStart(64, '0');
  return {
    names: [`${repository}@sha256:${digest}`, `${repository}:1.${index}.0`],
    sizeBytes: 500_000_000 - index * 1_000_000,
  };
}

function managedFields(count: number): readonly object[] {
  return Array.from({ length: count }, (_, index) => ({
    manager: `manager-${index}`,
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: Object.fromEntries(
      Array.from({ length: 20 }, (_, field) => [`f:field-${index}-${field}`, { 'f:x': {} }]),
    ),
  }));
}
