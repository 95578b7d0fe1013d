import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AgentIdentity, agentAudience } from '#contract/agent.ts';
import {
  connectAgent,
  enrol,
  makeCluster,
  type TestAgent,
} from '#server/features/clusters/testing/agents.ts';
import { asking, type SignedIn } from '../testing/command-line.ts';
import { registry, signInForClusters } from '../testing/connected-cluster.ts';

let admin: SignedIn;
before(async () => {
  admin = await signInForClusters();
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

const nodes = [
  {
    name: 'a',
    problem: {
      message: 'The kubelet of a names it.',
      cure: 'Take it out, and run on the node: systemctl restart kubelet',
    },
  },
];
const inert = 'The kubelet of a still runs it: take it out.';

/** A cluster with a node whose kubelet goes on naming the provider, by an agent that waits for it. */
async function waiting(name: string): Promise<TestAgent> {
  const { token } = await json('cluster', 'connect', name);
  const cluster = await makeCluster();
  const own = () => cluster.token({ aud: [agentAudience(registry)] });
  const proof = await cluster.proof({ serviceAccountToken: await own() });
  const { secret } = (await enrol(admin.server, token, proof)).json() as AgentIdentity;
  const agent = await connectAgent(admin.server, {
    secret,
    proof: await own(),
    answers: {
      'cluster.remove': async (order) => {
        const { leaveProvider = false } = order as { leaveProvider?: boolean };
        if (leaveProvider) await agent.call('cluster.removed', { left: [inert] });
        else await agent.call('cluster.waits', { left: ['The Secret of web is left.'], nodes });
        return {};
      },
    },
  });
  return agent;
}

test('ends with what is to be done on nodes, which list and status tell as well', async () => {
  const agent = await waiting('prod');
  const { code, stdout, stderr } = await admin.berth(['cluster', 'disconnect', 'prod', '--yes']);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^Disconnecting prod: .* are taken away\.\nWhat is left in it:\n {2}The Secret/,
  );
  const todo = /\n {2}The kubelet of a names it\.\n {4}→ Take it out, .* restart kubelet\n/;
  assert.match(stdout, todo);
  assert.match(stdout, /goes by itself .*: berth cluster disconnect prod --leave-provider\n$/);
  assert.deepEqual(await json('cluster', 'disconnect', 'prod', '--yes'), {
    name: 'prod',
    disconnected: false,
    left: ['The Secret of web is left.'],
    waits_for: nodes,
  });

  const status = await admin.berth(['cluster', 'status', 'prod']);
  assert.equal(status.code, 0, status.stdout);
  assert.match(status.stdout, /^prod is being disconnected/);
  assert.match(status.stdout, todo);
  const list = await admin.berth(['cluster', 'list']);
  assert.match(list.stdout, /^prod\tdisconnecting, waits for a\t/m);
  await refused(
    /waits for nodes .*berth cluster disconnect prod --leave-provider/,
    1,
    ...['cluster', 'connect', 'prod'],
  );

  await agent.call('cluster.removed', { left: [] });
  await refused(/no cluster/, 1, 'cluster', 'status', 'prod');
});

test('waits for no node when it is told so, and says what that leaves', async () => {
  const agent = await waiting('hasty');
  await refused(
    /cannot be used with/,
    2,
    ...['cluster', 'disconnect', 'hasty', '--leave-provider', '--force', '--yes'],
  );
  assert.equal((await json('cluster', 'disconnect', 'hasty', '--yes')).disconnected, false);
  const { code, stdout, stderr } = await admin.berth([
    ...['cluster', 'disconnect', 'hasty', '--leave-provider', '--yes'],
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `Disconnected hasty.\nWhat is left in it:\n  ${inert}\n`);
  await agent.closed;
});
