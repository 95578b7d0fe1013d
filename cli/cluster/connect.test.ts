import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { agentAudience } from '#contract/agent.ts';
import { enrol, makeCluster } from '#server/features/clusters/testing/agents.ts';
import { waitFor } from '#test/processes.ts';
import { asking, type SignedIn } from '../testing/command-line.ts';
import {
  connectedCluster,
  passAllChecks,
  registry,
  signInForClusters,
} from '../testing/connected-cluster.ts';
import { berthInTerminal } from '../testing/typed.ts';

let admin: SignedIn;
before(async () => {
  admin = await signInForClusters();
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

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
    const agent = await connectedCluster(admin, 'typed');
    await passAllChecks(agent);
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
    const agent = await connectedCluster(admin, 'taken');
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

  test('says what is wrong with what it is given, before it makes a token', async () => {
    const list = join(admin.home, 'none.json');
    await writeFile(list, '{"items":[]}');
    const file = join(admin.home, 'never.yaml');
    await refused(/cannot name a cluster/, 2, 'cluster', 'connect', 'No_Good');
    await refused(/belongs to --output/, 2, 'cluster', 'connect', 'x', '--nodes', list);
    await refused(/use-context/, 2, 'cluster', 'connect', 'x', '--context', 'production');
    await refused(/https:\/\/HOST/, 2, 'cluster', 'connect', 'x', '--address', '');
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
});
