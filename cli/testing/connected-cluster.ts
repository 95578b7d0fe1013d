import assert from 'node:assert/strict';
import { type AgentIdentity, agentAudience } from '#contract/agent.ts';
import {
  connectAgent,
  enrol,
  makeCluster,
  type TestAgent,
} from '#server/features/clusters/testing/agents.ts';
import { asking, type SignedIn, signIn } from './command-line.ts';

const pullMilliseconds = 500;

/** The name by which clusters know the server of {@link signInForClusters}. */
export const registry = 'registry.test:5000';

export function signInForClusters(): Promise<SignedIn> {
  return signIn({ url: `https://${registry}` });
}

/** A cluster that is connected under `name`, by an agent that does what it is asked. */
export async function connectedCluster(admin: SignedIn, name: string): Promise<TestAgent> {
  const { token } = await asking(() => admin).json('cluster', 'connect', name);
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
        const name = 'test-pull';
        await agent.call('checks.report', { checks: [{ name, state: 'waiting' }] });
        const problem = { message: 'The node a does not trust the registry.', cure: 'See node a.' };
        // As a pull takes its time.
        setTimeout(() => {
          void agent.call('checks.report', { checks: [{ name, state: 'failed', problem }] });
        }, pullMilliseconds);
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

export async function passAllChecks(agent: TestAgent): Promise<void> {
  const names = ['rbac', 'inventory', 'test-pull'] as const;
  await agent.call('checks.report', {
    checks: names.map((name) => ({ name, state: 'passed' })),
  });
}
