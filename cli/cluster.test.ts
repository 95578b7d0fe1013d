import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { TestAgent } from '#server/features/clusters/testing/agents.ts';
import { asking, type SignedIn } from './testing/command-line.ts';
import { connectedCluster, passAllChecks, signInForClusters } from './testing/connected-cluster.ts';

let admin: SignedIn;
before(async () => {
  admin = await signInForClusters();
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

describe('a cluster that is connected', () => {
  let agent: TestAgent;
  before(async () => {
    await json('project', 'create', 'team');
    agent = await connectedCluster(admin, 'prod');
    await agent.call('nodes.report', {
      complete: true,
      removed: [],
      changed: [
        {
          name: 'a',
          addresses: ['10.0.0.1'],
          architecture: 'amd64',
          operatingSystem: 'Debian 12',
          kubeletVersion: 'v1.36.3',
          runtime: 'containerd://2.4.2',
          distribution: 'kubeadm',
          trust: { state: 'trusted', configPath: '/etc/containerd/certs.d' },
          credentialProvider: { state: 'active' },
        },
      ],
    });
    await agent.call('namespaces.report', {
      complete: true,
      removed: [],
      changed: [{ name: 'web', uid: 'u1', labels: { stage: 'live' } }],
    });
    await passAllChecks(agent);
  });
  after(() => agent?.leave());

  test('is listed, and its checklist ends a watch', async () => {
    const [listed] = (await json('cluster', 'list')).filter(
      ({ name }: { name: string }) => name === 'prod',
    );
    assert.equal(listed.state, 'connected');
    assert.equal(listed.trusted_nodes, 1);
    const { code, stdout } = await admin.berth(['cluster', 'status', 'prod', '--watch']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^prod is connected, Kubernetes v1\.36\.3; 1 of 1 nodes trust/);
    assert.equal(stdout.match(/^.*ok .*$/gm)?.length, 6);
  });

  test('shows its nodes and namespaces, and a node with a problem by the exit code', async () => {
    const fine = await admin.berth(['cluster', 'nodes', 'prod']);
    assert.equal(fine.code, 0, fine.stderr);
    assert.equal(fine.stdout, 'a\tcontainerd://2.4.2\tkubeadm\ttrusted\tactive\t\n');
    const [node] = await json('cluster', 'nodes', 'prod');
    await agent.call('nodes.report', {
      complete: false,
      removed: [],
      changed: [
        {
          ...node,
          name: 'b',
          update_time: undefined,
          trust: {
            state: 'problem',
            problem: { message: 'containerd has no config_path.', cure: 'Set it.' },
          },
        },
      ],
    });
    const bad = await admin.berth(['cluster', 'nodes', 'prod']);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^b\t.*\tproblem\tactive\tcontainerd has no config_path\. Set it\.$/m);
    await agent.call('nodes.report', { complete: false, removed: ['b'], changed: [] });
  });

  test('is granted projects by name, label or all, and they are taken back', async () => {
    const grant = ['cluster', 'grant', 'prod', '--project', 'team'];
    await refused(/one of them/, 2, ...grant);
    await refused(/one of them/, 2, ...grant, '--namespace', 'web', '--all-namespaces');
    await refused(/Write key=value/, 2, ...grant, '--selector', 'stage');
    await refused(/label stage twice/, 2, ...grant, '--selector', 'stage=a', '-l', 'stage=b');
    await refused(/for one namespace/, 2, ...grant, '--namespace', 'web', '--namespace', 'shop');
    await refused(/lower-case/, 2, ...grant, '--namespace', '');
    await refused(/project/i, 1, 'cluster', 'grant', 'prod', '--project', 'nix', '-n', 'web');
    const byName = await json(...grant, '--namespace', 'web');
    assert.deepEqual(byName.selector, { kind: 'name', name: 'web' });
    const { warning } = await json(...grant, '--selector', 'stage=live', '--selector', 'tier=a');
    assert.match(warning, /No namespace of prod has these labels/);
    await json(...grant, '--all-namespaces');
    const { stdout } = await admin.berth(['cluster', 'grants', 'prod']);
    assert.match(stdout, /\tthe namespace web\tteam\t/);
    assert.match(stdout, /\tnamespaces with stage=live,tier=a\tteam\t/);
    assert.match(stdout, /\tall namespaces\tteam\t/);
    const [web] = await json('cluster', 'namespaces', 'prod');
    assert.deepEqual(web.projects, ['team']);
    for (const { id } of await json('cluster', 'grants', 'prod')) {
      await json('cluster', 'revoke', 'prod', String(id));
    }
    await refused(/grant/, 1, 'cluster', 'revoke', 'prod', String(byName.id));
    await refused(/no number of a grant/, 2, 'cluster', 'revoke', 'prod', 'all');
    assert.deepEqual((await json('cluster', 'namespaces', 'prod'))[0].projects, []);
  });

  test('is meant where no name is given, as long as it is the only one', async () => {
    assert.equal((await json('cluster', 'status')).name, 'prod');
    assert.equal((await json('cluster', 'nodes'))[0].name, 'a');
    await json('cluster', 'connect', 'other');
    await refused(/Name the cluster: other, prod/, 2, 'cluster', 'status');
    await json('cluster', 'disconnect', 'other', '--force', '--yes');
  });

  test('takes settings, and keeps those that are not named', async () => {
    assert.equal((await json('cluster', 'set', 'prod')).webhook, false);
    await json('cluster', 'set', 'prod', '--webhook', '--node-image', 'busybox:1');
    const changed = await json('cluster', 'set', 'prod', '--no-webhook');
    assert.equal(changed.webhook, false);
    assert.equal(changed.node_image, 'busybox:1');
    const { stdout } = await admin.berth(['cluster', 'set', 'prod', '--node-image', '']);
    assert.match(stdout, /^Image on nodes: +one that nodes have$/m);
  });

  test('rotates, and waits for a test pull, whose failure the exit code tells', async () => {
    assert.equal((await json('cluster', 'rotate', 'prod')).rotated, true);
    await json('cluster', 'rotate', 'prod', '--namespace', 'web');
    const pull = await admin.berth(['cluster', 'test', 'prod']);
    assert.equal(pull.code, 1, pull.stderr);
    assert.match(
      pull.stdout,
      /failed .*The node a does not trust the registry\.\n +→ See node a\./,
    );
    assert.equal((await admin.berth(['cluster', 'status', 'prod'])).code, 1);
  });
});
