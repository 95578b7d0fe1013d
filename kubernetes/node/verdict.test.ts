import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Value } from 'typebox/value';
import { NodeCredentialProvider, NodeTrust } from '#contract/agent.ts';
import { distributionOf } from './distribution.ts';
import { lastNodeStatus, type NodeStatus } from './status.ts';
import { type NodeExpectation, nodeCredentialProvider, nodeTrust } from './verdict.ts';

const expected: NodeExpectation = {
  node: 'worker',
  cluster: 'prod',
  registry: 'reg.test:5000',
  distribution: 'kubeadm',
  revision: 'r2',
  runtime: 'containerd://1.7.2',
};
const well: NodeStatus = {
  berth: 1,
  revision: 'r2',
  mode: 'lay',
  authorities: 'ab',
  distribution: 'kubeadm',
  runtimes: 'containerd',
  containerd_version: '1.7.2',
  containerd_file: '/etc/containerd/config.toml',
  config_version: '2',
  config_path: '/etc/containerd/certs.d',
  config_legacy: 'no',
  config_owner: '',
  provider_bin: '',
  provider_config: '',
  provider_state: 'off',
  provider_sum: '',
  provider_existing: '',
  laid: ['/etc/containerd/certs.d/reg.test:5000'],
  kept: [],
  problems: [],
  provider_problems: [],
};
const obstacle = { message: 'no image', cure: 'name one' };

describe('a node', () => {
  test('is trusted once it has the files that are wanted, and tells which authorities it has', () => {
    assert.deepEqual(nodeTrust(expected, well), {
      state: 'trusted',
      authorities: 'ab',
      configPath: '/etc/containerd/certs.d',
    });
  });

  test('is pending with earlier files, whose authorities it still tells', () => {
    const { state, authorities } = nodeTrust(expected, { ...well, revision: 'r1' });
    assert.deepEqual([state, authorities], ['pending', 'ab']);
  });

  test('that says nothing is pending, until something is known to keep its pod from it', () => {
    assert.deepEqual(nodeTrust(expected, undefined), { state: 'pending' });
    assert.equal(nodeTrust(expected, undefined, obstacle).problem, obstacle);
    assert.equal(nodeTrust(expected, { ...well, revision: 'r1' }, obstacle).problem, obstacle);
    assert.equal(nodeTrust(expected, well, obstacle).state, 'trusted');
  });

  test('with a problem has no authorities that count, and a cure that names what it needs', () => {
    const lacking = { ...well, config_path: '', problems: ['config-path=/etc/c.toml'] };
    const trust = nodeTrust(expected, lacking);
    assert.equal(trust.authorities, undefined);
    assert.match(trust.problem?.message ?? '', /worker.*\/etc\/c\.toml/);
    assert.match(trust.problem?.cure ?? '', /berth cluster set prod --set-config-path/);
    assert.match(trust.problem?.cure ?? '', /io\.containerd\.grpc\.v1\.cri/);
  });

  test('of containerd 2.2 needs no config_path, although its script could not tell', () => {
    const lacking = { ...well, config_path: '', problems: ['config-path=/etc/c.toml'] };
    const newer = { ...expected, runtime: 'containerd://2.2.0' };
    assert.equal(nodeTrust(newer, lacking).state, 'trusted');
    assert.equal(nodeTrust(newer, { ...lacking, config_legacy: 'yes' }).state, 'problem');
  });

  test('on which no runtime was found is no trusted one', () => {
    const trust = nodeTrust(expected, { ...well, laid: [] });
    assert.match(trust.problem?.message ?? '', /runs containerd:\/\/1\.7\.2/);
    assert.equal(nodeTrust(expected, { ...well, laid: [], authorities: 'none' }).state, 'trusted');
  });
});

describe('the credential provider of a node', () => {
  const provider = (change: Partial<NodeStatus>, unmerged?: string) =>
    nodeCredentialProvider(expected, { ...well, ...change }, unmerged);

  test('that is installed tells the flags it needs', () => {
    const { state, problem } = provider({ provider_state: 'installed' });
    assert.equal(state, 'installed');
    assert.match(problem?.cure ?? '', /--image-credential-provider-config=\/var\/lib\/berth-node/);
  });

  test('waits where those of others are, and says why it cannot join them', () => {
    assert.equal(provider({ provider_state: 'foreign' }).state, 'problem');
    assert.deepEqual(provider({ provider_state: 'merge' }), { state: 'installed' });
    assert.equal(provider({ provider_state: 'merge' }, 'is empty').problem?.message, 'is empty');
  });

  test('that answers nothing any more tells what keeps it there', () => {
    const inert = (...problems: readonly string[]) =>
      provider({ provider_state: 'inert', provider_problems: [...problems] });
    const { state, problem } = inert();
    assert.equal(state, 'inert');
    assert.match(
      problem?.cure ?? '',
      /Take --image-credential-provider-config=\/var\/lib\/berth-node.*bin out of its flags, and run on the node: systemctl restart kubelet$/,
    );
    assert.match(inert('restart=kubelet').problem?.cure ?? '', /: systemctl restart kubelet$/);
    const changed = inert('changed=/etc/flags').problem;
    assert.match(changed?.message ?? '', /\/etc\/flags on worker was changed by somebody/);
    assert.match(
      changed?.cure ?? '',
      /names berth, and run on the node: systemctl restart kubelet/,
    );
  });

  test('has problems of its own, that are none of trust', () => {
    const change: Partial<NodeStatus> = {
      provider_state: 'installed',
      provider_problems: ['restart=kubelet'],
    };
    assert.match(provider(change).problem?.cure ?? '', /systemctl restart kubelet/);
    assert.equal(nodeTrust(expected, { ...well, ...change }).state, 'trusted');
  });
});

test('every problem that the script tells of is explained', async () => {
  const { nodeScript } = await import('./script.ts');
  const { explainProblem } = await import('./problems.ts');
  const codes = new Set(
    [...nodeScript.matchAll(/problem ([a-z-]+) /g)].map(([, code = '']) => code),
  );
  assert.ok(codes.size > 12);
  for (const code of codes) {
    const { message, cure } = explainProblem({ code, path: '/etc/x' }, expected, well);
    assert.doesNotMatch(message, /reports/, code);
    assert.match(message, /worker/);
    assert.ok(cure.length > 10);
  }
});

test('whatever a node says, what is told of it fits into a message', () => {
  const long = '/'.padEnd(1_024, 'x');
  const paths = {
    containerd_file: long,
    config_path: long,
    provider_config: long,
    provider_bin: long,
  };
  const status: NodeStatus = { ...well, ...paths, problems: [`foreign=${long}`.slice(0, 1_024)] };
  assert.ok(Value.Check(NodeTrust, nodeTrust(expected, status)));
  const provider = nodeCredentialProvider(expected, { ...status, provider_state: 'foreign' });
  assert.ok(Value.Check(NodeCredentialProvider, provider));
  for (const providerConfig of ['', '/x']) {
    const told = { ...expected, providerConfig };
    const overruled = nodeCredentialProvider(told, { ...status, provider_state: 'active' });
    assert.ok(overruled.problem !== undefined);
    assert.ok(Value.Check(NodeCredentialProvider, overruled));
  }
  const line = JSON.stringify({ ...well, config_path: `${long}x` });
  assert.equal(lastNodeStatus(line), undefined);
});

test('a distribution is known by its kubelet, its system or its labels, else by its files', () => {
  const node = (kubeletVersion: string, osImage = 'Debian', labels = {}) => ({
    metadata: { name: 'n', labels },
    status: {
      nodeInfo: {
        kubeletVersion,
        osImage,
        architecture: 'amd64',
        operatingSystem: 'linux',
        kernelVersion: '6',
        containerRuntimeVersion: 'containerd://2.0.0',
      },
    },
  });
  assert.equal(distributionOf(node('v1.34.1+k3s1')), 'k3s');
  assert.equal(distributionOf(node('v1.33.0-eks-abc')), 'eks');
  assert.equal(distributionOf(node('v1.33.0-gke.100')), 'gke');
  assert.equal(distributionOf(node('v1.33.0', 'Talos (v1.10)')), 'talos');
  assert.equal(distributionOf(node('v1.33.0-eks-abc', 'Bottlerocket OS 1.2')), 'bottlerocket');
  assert.equal(
    distributionOf(node('v1.33.0', 'x', { 'kubernetes.azure.com/cluster': 'c' })),
    'aks',
  );
  assert.equal(distributionOf(node('v1.33.0'), well), 'kubeadm');
  assert.equal(distributionOf(node('v1.33.0')), 'unknown');
});

test('the last line of a log that is a status counts, whatever else is in it', () => {
  const line = JSON.stringify(well);
  assert.deepEqual(lastNodeStatus(`noise\n${line}\n{"berth":2}\n{oops\n`), well);
  assert.equal(lastNodeStatus('noise'), undefined);
  assert.equal(lastNodeStatus(line.slice(0, -1)), undefined);
});
