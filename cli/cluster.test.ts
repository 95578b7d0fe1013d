import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { type AgentIdentity, agentAudience } from '#contract/agent.ts';
import { readLayout } from '#oci/layout.ts';
import {
  connectAgent,
  enrol,
  makeCluster,
  type TestAgent,
} from '#server/features/clusters/testing/agents.ts';
import { waitFor } from '#test/processes.ts';
import { asking, type SignedIn, signIn } from './testing/command-line.ts';
import { berthInTerminal } from './testing/typed.ts';

const registry = 'registry.test:5000';
let admin: SignedIn;
before(async () => {
  admin = await signIn({ url: `https://${registry}` });
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

/** A cluster that is connected under `name`, by an agent that does what it is asked. */
async function connected(name: string): Promise<TestAgent> {
  const { token } = await json('cluster', 'connect', name);
  const cluster = await makeCluster();
  const own = () => cluster.token({ aud: [agentAudience(registry)] });
  const proof = await cluster.proof({ serviceAccountToken: await own() });
  const reply = await enrol(admin.server, token, proof);
  assert.equal(reply.status, 201, reply.body.toString());
  const { secret } = reply.json() as AgentIdentity;
  const agent = await connectAgent(admin.server, {
    secret,
    proof: await own(),
    answers: {
      'credentials.rotate': async () => ({}),
      'pull.test': async () => {
        await agent.call('checks.report', {
          checks: [
            {
              name: 'test-pull',
              state: 'failed',
              problem: { message: 'The node a does not trust the registry.', cure: 'See node a.' },
            },
          ],
        });
        return {};
      },
      'cluster.remove': async () => {
        await agent.call('cluster.removed', { left: ['The node b was away: its files stay.'] });
        return {};
      },
    },
  });
  return agent;
}

async function allPasses(agent: TestAgent): Promise<void> {
  const names = ['rbac', 'inventory', 'test-pull'] as const;
  await agent.call('checks.report', {
    checks: names.map((name) => ({ name, state: 'passed' })),
  });
}

const nodes = JSON.stringify({
  items: [
    {
      metadata: { name: 'a', labels: { 'kubernetes.io/hostname': 'a' } },
      status: {
        nodeInfo: { osImage: 'Debian 12', kubeletVersion: 'v1.36.3' },
        images: [{ names: ['registry.k8s.io/pause:3.10'] }],
      },
    },
  ],
});

describe('berth cluster connect', () => {
  test('lists the rights before it shows the command, whose pin is that of the server', async () => {
    const { code, stdout, stderr } = await admin.berth(['cluster', 'connect', 'shown']);
    assert.equal(code, 0, stderr);
    const rights = stdout.indexOf('get, list, watch nodes');
    const command = stdout.indexOf('kubectl get nodes -o json | curl');
    assert.ok(rights > 0 && command > rights, stdout);
    const { public_key_pin: pin } = (await admin.server.request('/api/v2.0/authority')).json() as {
      public_key_pin: string;
    };
    assert.ok(stdout.includes(`--pinnedpubkey '${pin}'`), pin);
    assert.match(stdout, /-H 'Authorization: Bearer berth_connect_[\w-]+'/);
    assert.match(stdout, /\| kubectl apply -f -\n$/);
  });

  test('on a terminal waits, shows how far the cluster is, and ends when all is well', async () => {
    const waiting = berthInTerminal(admin.home, ['cluster', 'connect', 'typed'], []);
    await waitFor(
      () => admin.server.request('/api/v2.0/clusters/typed', { as: admin.server.admin }),
      {
        what: 'the cluster to be offered',
        until: ({ status }) => status === 200,
      },
    );
    const agent = await connected('typed');
    await allPasses(agent);
    const { code, screen } = await waiting;
    await agent.leave();
    assert.equal(code, 0, screen);
    const shown = stripVTControlCharacters(screen);
    assert.match(shown, /kubectl apply -f -\n\n[\s\S]*waiting {2}connect token used: waits for/);
    const end = shown.slice(shown.lastIndexOf('ok       connect token used'));
    assert.match(
      end,
      /\ntyped is connected, Kubernetes v1\.36\.3; .*\nLet a namespace pull: berth/,
    );
    assert.doesNotMatch(end, /waiting|failed/);
  });

  test('on a terminal ends with what to do when another cluster came by that name', async () => {
    const agent = await connected('taken');
    const { token } = await json('cluster', 'connect', 'taken');
    const other = await makeCluster();
    const serviceAccountToken = await other.token({ aud: [agentAudience(registry)] });
    const reply = await enrol(admin.server, token, await other.proof({ serviceAccountToken }));
    assert.equal(reply.status, 409);
    const { code, screen } = await berthInTerminal(admin.home, ['cluster', 'status', 'taken'], []);
    await agent.leave();
    const shown = stripVTControlCharacters(screen);
    assert.equal(code, 1, screen);
    assert.match(shown, /failed {3}identity of the cluster: .*\n +→ .*berth cluster connect/);
  });

  test('asks for rights that settings need, and for no others', async () => {
    const rules = ({ permissions }: { permissions: { rule: string }[] }) =>
      permissions.map(({ rule }) => rule).join('\n');
    const plain = rules(await json('cluster', 'connect', 'rights'));
    assert.match(plain, /secrets named berth-pull/);
    assert.doesNotMatch(plain, /tokenreviews|mutatingwebhook/);
    const more = await json('cluster', 'connect', 'rights', '--webhook', '--review-tokens');
    assert.match(rules(more), /tokenreviews/);
    assert.match(rules(more), /mutatingwebhookconfigurations named berth-agent/);
    const less = await json(
      ...['cluster', 'connect', 'rights', '--no-pull-secrets'],
      ...['--credential-provider', 'off', '--no-review-tokens'],
    );
    assert.doesNotMatch(rules(less), /berth-pull|pods\/eviction|serviceaccounts-token-audience/);
  });

  test('writes what is to be applied into a file that others cannot read', async () => {
    const list = join(admin.home, 'nodes.json');
    await writeFile(list, nodes);
    for (const [form, count, last] of [
      ['kubectl', 1, /\nkubectl apply -f \S+kubectl\.yaml\n$/],
      ['air-gapped', 1, /agent-image --output[\s\S]*\nkubectl apply -f \S+air-gapped\.yaml\n$/],
      ['gitops', 0, /\nkubectl create secret generic berth-connect --namespace berth [^\n]+\n$/],
    ] as const) {
      const file = join(admin.home, `${form}.yaml`);
      const { code, stdout, stderr } = await admin.berth([
        ...['cluster', 'connect', 'written', '--form', form],
        ...['--nodes', list, '--output', file],
      ]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, last);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const kinds = parseAllDocuments(await readFile(file, 'utf8')).map(
        (document) => document.toJS().kind,
      );
      assert.equal(kinds.filter((kind) => kind === 'Secret').length, count, form);
      assert.ok(kinds.includes('DaemonSet') && kinds.includes('Deployment'));
    }
    const values = join(admin.home, 'values.yaml');
    const helm = await admin.berth(
      ['cluster', 'connect', 'written', '--form', 'helm', '--nodes', '-', '--output', values],
      { input: nodes },
    );
    assert.equal(helm.code, 0, helm.stderr);
    assert.match(
      helm.stdout,
      /helm upgrade --install berth-agent \S+ .*--values \S+values\.yaml\n$/,
    );
    assert.doesNotMatch(helm.stdout, /kubectl get nodes/);
    assert.match(await readFile(values, 'utf8'), /^cluster: written$/m);
  });

  test('says what is wrong with what it is given, before it makes a token', async () => {
    const list = join(admin.home, 'none.json');
    await writeFile(list, '{"items":[]}');
    const file = join(admin.home, 'never.yaml');
    await refused(/cannot name a cluster/, 2, 'cluster', 'connect', 'No_Good');
    await refused(/belongs to --output/, 2, 'cluster', 'connect', 'x', '--nodes', list);
    await refused(
      /none\.yaml cannot be read/,
      1,
      ...['cluster', 'connect', 'x', '--output', file, '--nodes', 'none.yaml'],
    );
    await writeFile(list, 'kind: List');
    await refused(
      /is no list of nodes/,
      2,
      ...['cluster', 'connect', 'x', '--output', file, '--nodes', list],
    );
    await refused(/Allowed choices/, 2, 'cluster', 'connect', 'x', '--form', 'floppy');
    const names = (await json('cluster', 'list')).map(({ name }: { name: string }) => name);
    assert.ok(!names.includes('x'));
    await refused(
      /https:\/\/HOST/i,
      1,
      ...['cluster', 'connect', 'x', '--address', 'ftp://10.0.0.1'],
    );
  });

  test('tells which image to name when nodes have none', async () => {
    const list = join(admin.home, 'empty.json');
    const file = join(admin.home, 'empty.yaml');
    await writeFile(list, '{"items":[]}');
    const given = ['cluster', 'connect', 'empty', '--output', file, '--nodes', list];
    await refused(/--node-image IMAGE/, 1, ...given);
    await json(...given, '--node-image', 'busybox:1');
    assert.match(await readFile(file, 'utf8'), /image: busybox:1$/m);
  });
});

describe('a cluster that is connected', () => {
  let agent: TestAgent;
  before(async () => {
    await json('project', 'create', 'team');
    agent = await connected('prod');
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
    await allPasses(agent);
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
    await refused(/project/i, 1, 'cluster', 'grant', 'prod', '--project', 'nix', '-n', 'web');
    const byName = await json(...grant, '--namespace', 'web');
    assert.deepEqual(byName.selector, { kind: 'name', name: 'web' });
    await json(...grant, '--selector', 'stage=live,tier=a');
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

  test('takes settings, and keeps those that are not named', async () => {
    assert.equal((await json('cluster', 'set', 'prod')).webhook, false);
    await json('cluster', 'set', 'prod', '--webhook', '--node-image', 'busybox:1');
    const changed = await json('cluster', 'set', 'prod', '--no-webhook');
    assert.equal(changed.webhook, false);
    assert.equal(changed.node_image, 'busybox:1');
    const { stdout } = await admin.berth(['cluster', 'set', 'prod', '--node-image', '']);
    assert.match(stdout, /^Image on nodes: +one that nodes have$/m);
  });

  test('rotates, and tells of a test pull that failed by the exit code', async () => {
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

  test('is disconnected after a question, and what is left is told', async () => {
    await refused(/with --yes/, 2, 'cluster', 'disconnect', 'prod');
    const { code, stdout, stderr } = await admin.berth(['cluster', 'disconnect', 'prod', '--yes']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Disconnected prod\.\nWhat is left in it:\n {2}The node b was away/);
    await refused(/prod/, 1, 'cluster', 'status', 'prod');
    await refused(/prod/, 1, 'cluster', 'disconnect', 'prod', '--yes');
  });
});

test('a cluster whose agent is away is forgotten by force alone', async () => {
  const agent = await connected('gone');
  await agent.leave();
  await refused(/--force/, 1, 'cluster', 'disconnect', 'gone', '--yes');
  const { code, stdout, stderr } = await admin.berth([
    ...['cluster', 'disconnect', 'gone', '--force', '--yes'],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /What is left in it:\n {2}.*kubectl delete namespace berth/);
});

test('the image of the agent is written whole, with the name that nodes ask for', async () => {
  const file = join(admin.home, 'agent.tar');
  const { reference, bytes } = await json('cluster', 'agent-image', '--output', file);
  assert.match(reference, /\/berth\/agent:\d/);
  assert.equal((await stat(file)).size, bytes);
  const layout = await readLayout([await readFile(file)], 500 * 1024 * 1024);
  assert.equal(layout.manifests[0]?.annotations?.['io.containerd.image.name'], reference);
  await refused(/cannot be written/, 1, 'cluster', 'agent-image', '--output', '/no/such/folder/x');
});
