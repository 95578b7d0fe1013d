import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import type { AgentIdentity, DesiredState } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { waitFor } from '#test/processes.ts';
import { type Reply, startServer, type TestServer } from '#test/server.ts';
import {
  type AgentOptions,
  connectAgent,
  enrolled,
  makeCluster,
  type TestAgent,
  type TestCluster,
} from './agents.ts';

export const base = '/api/v2.0/clusters';

/** A cluster whose agent is connected. */
export interface Connected {
  readonly name: string;
  readonly cluster: TestCluster;
  readonly identity: AgentIdentity;
  readonly agent: TestAgent;
  /** What it was told to bring about, the last at the end. */
  readonly states: DesiredState[];
}

/** A server that clusters are connected to while the tests of a suite run. */
export interface AgentServer {
  readonly server: TestServer;
  connected(answers?: AgentOptions['answers']): Promise<Connected>;
  /** As the admin. */
  send(method: string, path: string, body?: object): Promise<Reply>;
  /** What the admin reads, which must be there. */
  read<Body>(path: string): Promise<Body>;
  /** Waits until the cluster counts as away. */
  isAway(name: string): Promise<unknown>;
}

export function agentServer(settingsOf: DatabaseSettings): AgentServer {
  let server: TestServer;
  before(async () => {
    server = await startServer(await settingsOf());
  });
  after(() => server.stop());

  async function read<Body>(path: string): Promise<Body> {
    const reply = await server.request(path, { as: server.admin });
    assert.equal(reply.status, 200, reply.body.toString());
    return reply.json() as Body;
  }

  return {
    get server() {
      return server;
    },
    read,

    async connected(answers = {}) {
      const name = `c${randomUUID().slice(0, 8)}`;
      const cluster = await makeCluster();
      const identity = await enrolled(server, name, cluster);
      const states: DesiredState[] = [];
      const agent = await connectAgent(server, {
        secret: identity.secret,
        proof: await cluster.token(),
        answers: {
          'state.set': async (state) => {
            states.push(state as DesiredState);
            return {};
          },
          ...answers,
        },
      });
      return { name, cluster, identity, agent, states };
    },

    async send(method, path, body) {
      return server.request(path, {
        method,
        as: server.admin,
        ...(body !== undefined && {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      });
    },

    isAway: (name) =>
      waitFor(() => read<Cluster>(`${base}/${name}`), {
        what: 'the agent to be away',
        until: ({ state }) => state === 'away',
      }),
  };
}
