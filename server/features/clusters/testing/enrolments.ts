import assert from 'node:assert/strict';
import { beforeEach } from 'node:test';
import type { AgentIdentity, ClusterProof } from '#contract/agent.ts';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { type OpenEmpty, withEmptyDatabase } from '#test/databases.ts';
import { keysOf } from '../connection-queries.ts';
import { enrol } from '../enrolment/enrol.ts';
import { readKeys } from '../enrolment/keys.ts';
import { findCluster } from '../queries.ts';
import { clusterSecrets } from '../secrets.ts';
import { forgetCluster } from '../writes/clusters.ts';
import { keepConnectToken } from '../writes/connect-tokens.ts';
import { connectAgent } from '../writes/connections.ts';
import { registryName, type TestCluster } from './agents.ts';

export const secrets = clusterSecrets(Buffer.alloc(32, 1));
export const minute = 60_000;

/** A database in which clusters enrol, without one at the beginning of each test. */
export interface Enrolments {
  readonly database: Database;
  /** What enrolments take for the time. */
  now: number;
  /** A connect token. */
  tokenOf(cluster: string): Promise<string>;
  enrolWith(token: string, proof: ClusterProof): Promise<AgentIdentity>;
  /** Uses the newest identity of a cluster, as its agent's first connection does. */
  use(cluster: string): Promise<void>;
  thumbprintsOf(cluster: string): Promise<string[]>;
}

export function enrolments(open: OpenEmpty): Enrolments {
  let database: Database;
  let now = Date.now();
  withEmptyDatabase(open, (empty) => {
    database = empty;
  });
  beforeEach(async () => {
    now = Date.now();
    for (const { name: cluster } of await database.read
      .selectFrom('clusters')
      .select('name')
      .execute()) {
      await database.write(forgetCluster, { cluster });
    }
  });

  return {
    get database() {
      return database;
    },
    get now() {
      return now;
    },
    set now(moment) {
      now = moment;
    },

    async tokenOf(cluster) {
      const { secret, hmac } = secrets.connectToken();
      await database.write(keepConnectToken, {
        cluster,
        settings: {},
        secretHmac: hmac,
        creator: 'user admin',
        expiresAt: now + 15 * minute,
        now,
      });
      return secret;
    },

    enrolWith: (token, proof) =>
      enrol(token, proof, { database, secrets, registry: registryName, now: () => now }),

    async use(cluster) {
      const row = await database.read
        .selectFrom('agent_identities')
        .innerJoin('clusters', 'clusters.id', 'agent_identities.cluster_id')
        .select(['agent_identities.id', 'agent_identities.cluster_id'])
        .where('clusters.name', '=', cluster)
        .executeTakeFirstOrThrow();
      await database.write(connectAgent, {
        cluster: row.cluster_id,
        identity: row.id,
        connection: 'here',
        now,
      });
    },

    async thumbprintsOf(cluster) {
      const row = await findCluster(database.read, cluster);
      const keys = await keysOf(database.read, row?.id ?? 0);
      return keys.map(({ thumbprint }) => thumbprint).sort();
    },
  };
}

/** An attempt that must be refused in this way. */
export async function refused(attempt: Promise<unknown>, kind: RefusalKind, sentence: RegExp) {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof Refusal, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, sentence);
    return true;
  });
}

export async function thumbprint({ jwk }: TestCluster): Promise<string> {
  const [key] = await readKeys([jwk] as ClusterProof['keys']);
  return key?.thumbprint ?? '';
}
