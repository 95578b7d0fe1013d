import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createLan, type Host, type Lan } from '#test/hosts.ts';
import { occupyMachine } from '#test/lock.ts';
import { waitFor } from '#test/processes.ts';
import { ensureTools, recipes } from '../support/tools/index.ts';
import { createClusterAuthority } from './identities.ts';
import {
  busyboxImage,
  type Cluster,
  type ClusterNode,
  type ContainerdVersion,
  clusterTools,
  startCluster,
  startDocker,
} from './index.ts';

/** Shows that the bed itself stands: run by hand as `node test/cluster/bed.check.ts`. */
let passed = 0;
let failed = 0;

const registryName = 'registry.berth.test';
const busybox = 'berth.test/bed/busybox:1';
const registryConfiguration = JSON.stringify({
  version: '0.1',
  storage: { filesystem: { rootdirectory: '/var/lib/containers/registry' } },
  http: {
    addr: ':443',
    tls: { certificate: '/etc/registry/tls.crt', key: '/etc/registry/tls.key' },
  },
});

interface Registry {
  readonly image: string;
  readonly authority: string;
}

async function check<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  try {
    const value = await action();
    passed += 1;
    console.log(`ok      ${seconds().padStart(7)}  ${what}`);
    return value;
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${seconds().padStart(7)}  ${what}`);
    throw error;
  }
}

async function checkHosts(lan: Lan): Promise<void> {
  const [registry, operator] = await check('two hosts stand on the LAN', () =>
    Promise.all([
      lan.addHost({ name: 'registry', number: 2 }),
      lan.addHost({ name: 'operator', number: 3 }),
    ]),
  );
  await check("a host's /etc/resolv.conf is its own", async () => {
    const before = await readFile('/etc/resolv.conf', 'utf8');
    await registry.write('/etc/resolv.conf', 'nameserver 192.0.2.77\n');
    assert.equal(await registry.exec('cat', '/etc/resolv.conf'), 'nameserver 192.0.2.77\n');
    assert.notEqual(await operator.exec('cat', '/etc/resolv.conf'), 'nameserver 192.0.2.77\n');
    assert.equal(await readFile('/etc/resolv.conf', 'utf8'), before);
  });
  await check('a host is reached by its name, across the LAN', async () => {
    await lan.resolve({ [registryName]: registry.address });
    const server = await registry.spawn('httpd', 'busybox', ['httpd', '-f', '-h', '/etc']);
    const answer = await waitFor(() => operator.shell('exec 3<>/dev/tcp/registry/80; echo open'), {
      what: 'the web server',
      programs: [server],
    });
    assert.equal(answer, 'open\n');
    await server.stop();
    await assert.rejects(operator.shell('exec 3<>/dev/tcp/registry/80'), /refused/);
  });
  const docker = await check('dockerd answers', () => startDocker(operator));
  await check('docker runs an image that was loaded', async () => {
    const image = await busyboxImage('registry.berth.test/ithome/netutils:latest');
    await docker.load(image);
    const command = ['cat', '/etc/marker'];
    const output = await docker.docker(
      'run',
      '--rm',
      '--network=none',
      image.reference,
      ...command,
    );
    assert.equal(output, `${image.reference}\n`);
  });
  await check('dockerd stops', () => docker.stop());
}

async function checkRegistry(lan: Lan): Promise<Registry> {
  const registry = hostNamed(lan, 'registry');
  const docker = await startDocker(hostNamed(lan, 'operator'));
  const authority = await createClusterAuthority();
  await check('a registry with a certificate of its own answers', async () => {
    const { registry: program } = await ensureTools(recipes.distribution);
    const pair = await authority.server([{ type: 'dns', value: registryName }]);
    await registry.write('/etc/registry/tls.crt', pair.certificate);
    await registry.write('/etc/registry/tls.key', pair.key, 0o600);
    await registry.write('/etc/registry/config.yml', registryConfiguration);
    const server = await registry.spawn('registry', program, ['serve', '/etc/registry/config.yml']);
    await waitFor(() => registry.shell(`exec 3<>/dev/tcp/${registryName}/443; echo open`), {
      what: 'the registry',
      programs: [server],
    });
  });
  const image = await busyboxImage(`${registryName}/bed/pulled:1`);
  await docker.load(image);
  await check('docker cannot push there without its CA', () =>
    assert.rejects(docker.docker('push', image.reference), /signed by unknown authority/),
  );
  await check('docker pushes there with its CA', async () => {
    const folder = `/etc/docker/certs.d/${registryName}`;
    await docker.host.write(`${folder}/ca.crt`, authority.certificate);
    await docker.docker('push', image.reference);
  });
  await docker.stop();
  return { image: image.reference, authority: authority.certificate };
}

async function checkCluster(lan: Lan, version: ContainerdVersion, pulled: Registry) {
  const nodes = [{ name: 'node-1', number: 11, containerd: version }];
  const cluster = await check(`a cluster on containerd ${version} is Ready`, () =>
    startCluster({ lan, nodes }),
  );
  await check("kubectl is the administrator's on the operator's host", async () => {
    const operator = hostNamed(lan, 'operator');
    await cluster.administerFrom(operator);
    assert.match(await operator.shell('kubectl get nodes'), /^node-1 +Ready .* v1\.36\.3$/m);
  });
  await check('a pod runs from an image that was imported', async () => {
    await loadBusybox(cluster.nodes);
    await runPod(cluster, { name: 'first' });
  });
  await check('the API server reaches into the pod', async () => {
    const marker = await cluster.kubectl('exec', 'first', '--', 'cat', '/etc/marker');
    assert.equal(marker, `${busybox}\n`);
  });
  await check('the pod goes', () => cluster.kubectl('delete', 'pod', 'first', '--now'));
  await check('a pod cannot pull where the node has no CA', () =>
    runPod(cluster, {
      name: 'stranger',
      image: pulled.image,
      until: /signed by unknown authority/,
    }),
  );
  await check('a name that does not exist is said not to', () =>
    runPod(cluster, {
      name: 'lost',
      image: 'nowhere.berth.test/bed/pulled:1',
      until: /lookup nowhere\.berth\.test on [\d.]+:53: no such host/,
    }),
  );
  await check('a new pod pulls when the node has the CA', async () => {
    const file = `/etc/containerd/certs.d/${registryName}/ca.crt`;
    await cluster.nodes[0]?.host.write(file, pulled.authority);
    await runPod(cluster, { name: 'friend', image: pulled.image });
  });
  if (version === '2.4') await checkSecondNode(lan, cluster);
  await check('the cluster stops', () => cluster.stop());
}

/** A node of another release, Services and names across both. */
async function checkSecondNode(lan: Lan, cluster: Cluster): Promise<void> {
  const second = await check('a second node, on containerd 1.6, joins', () =>
    cluster.addNode({ name: 'node-2', number: 12, containerd: '1.6' }),
  );
  await check('pods run on both nodes', async () => {
    await loadBusybox([second]);
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'server' }, ports: [{ port: 80 }] },
    });
    const command = ['httpd', '-f', '-h', '/etc'];
    await runPod(cluster, { name: 'server', command, node: 'node-2' });
    await runPod(cluster, { name: 'client', node: 'node-1' });
  });
  await check('a pod resolves a Service and the registry', async () => {
    await seesName(cluster, 'web.default.svc.cluster.local', '10.96.');
    await seesName(cluster, registryName, lan.address(2));
    await lan.resolve({ 'late.berth.test': lan.address(99) });
    await seesName(cluster, 'late.berth.test', lan.address(99));
  });
  await check('a Service answers across the nodes', async () => {
    const address = await cluster.kubectl('get', 'service', 'web', '-ojsonpath={.spec.clusterIP}');
    const request = ['wget', '-q', '-O-', `http://${address}/marker`];
    const answer = await waitFor(() => cluster.kubectl('exec', 'client', '--', ...request), {
      what: 'the Service to answer',
    });
    assert.equal(answer, `${busybox}\n`);
  });
  await check('the kubelet comes back with other flags', () => second.restartKubelet(['--v=1']));
}

async function seesName(cluster: Cluster, name: string, address: string): Promise<void> {
  await waitFor(() => cluster.kubectl('exec', 'client', '--', 'nslookup', name), {
    what: `a pod to resolve ${name}`,
    until: (answer) => answer.includes(`Address: ${address}`),
  });
}

interface PodDescription {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly node?: string;
  /** What the pod's status must come to say. */
  readonly until?: RegExp;
}

async function runPod(cluster: Cluster, description: PodDescription): Promise<void> {
  const {
    name,
    image = busybox,
    command,
    node: nodeName,
    until = /"phase":"Running"/,
  } = description;
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { nodeName, containers: [{ name: 'main', image, command }] },
  });
  await waitFor(() => cluster.kubectl('get', 'pod', name, '--output=jsonpath={.status}'), {
    what: `the pod ${name} to show ${until}`,
    until: (status) => until.test(status),
  });
}

async function loadBusybox(nodes: readonly ClusterNode[]): Promise<void> {
  const image = await busyboxImage(busybox);
  await Promise.all(nodes.map((node) => node.containerd.load(image)));
}

function hostNamed(lan: Lan, name: string): Host {
  const host = lan.hosts.find((one) => one.name === name);
  assert.ok(host);
  return host;
}

await using _machine = await occupyMachine('bed');
await check('the tools are there', clusterTools);
const lan = await check('the LAN stands, earlier remains are gone', () => createLan('bed'));
try {
  await checkHosts(lan);
  const pulled = await checkRegistry(lan);
  await checkCluster(lan, '2.4', pulled);
  await checkCluster(lan, '1.6', pulled);
} catch (error) {
  console.error(error);
}
await check('all is removed', () => lan.stop());
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
