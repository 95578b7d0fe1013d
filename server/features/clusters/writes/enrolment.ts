import { Refusal } from '#lib/errors.ts';
import type { Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { lockTable } from '#server/database/locking.ts';
import { moment } from '../moments.ts';
import { beingDisconnected } from './cluster-locks.ts';

/** What an agent proved, and claims beside it. */
export interface ProvenCluster {
  readonly uid: string;
  readonly issuer: string;
  readonly kubernetesVersion: string;
  readonly keys: readonly { readonly thumbprint: string; readonly jwk: string }[];
  /** Of the key that signed the proof. */
  readonly proven: string;
}

export interface NewEnrolment extends ProvenCluster {
  readonly tokenHmac: Uint8Array;
  readonly identityHmac: Uint8Array;
  readonly now: number;
}

/**
 * Exchanges a connect token for an identity, and binds the cluster to its UID and keys.
 * @returns the cluster's name
 * @throws {Refusal} `unauthenticated` for a token that is used, over or none; `conflict` where the
 *   UID or the key that was proven is another cluster's
 */
export const enrolCluster: Write<NewEnrolment, string> = {
  name: 'clusters.enrol',
  durability: 'durable',
  run: async (transaction, { tokenHmac, identityHmac, now, ...proof }) => {
    // Whether a UID or a key is free is asked of rows that are not there yet.
    await lockTable(transaction, 'clusters');
    const token = await transaction
      .selectFrom('cluster_tokens')
      .innerJoin('clusters', 'clusters.id', 'cluster_tokens.cluster_id')
      .select([
        'cluster_tokens.id',
        'cluster_tokens.cluster_id',
        'cluster_tokens.used_at',
        'cluster_tokens.expires_at',
        'clusters.name',
        'clusters.uid',
        'clusters.disconnecting_at',
        'clusters.left_behind',
      ])
      .where('cluster_tokens.secret_hmac', '=', tokenHmac)
      .executeTakeFirst();
    if (token === undefined) throw unknownToken();
    const { name } = token;
    const cluster = { id: token.cluster_id, name, uid: token.uid };
    if (token.disconnecting_at !== null) throw beingDisconnected(name, token.left_behind);
    if (token.expires_at <= now) throw expiredToken(name, token.expires_at);
    if (token.used_at !== null && !(await isRepeated(transaction, cluster, proof, token.used_at))) {
      throw usedToken(name, token.used_at);
    }
    await bind(transaction, cluster, proof, now);
    await transaction
      .updateTable('clusters')
      .set({ enrolled_at: now })
      .where('id', '=', cluster.id)
      .execute();
    await transaction
      .updateTable('cluster_tokens')
      .set({ used_at: now, problem: null })
      .where('id', '=', token.id)
      .execute();
    await transaction.deleteFrom('agent_identities').where('cluster_id', '=', cluster.id).execute();
    await transaction
      .insertInto('agent_identities')
      .values({ cluster_id: cluster.id, secret_hmac: identityHmac, created_at: now })
      .execute();
    await bumpGrantGeneration(transaction);
    return name;
  },
};

/**
 * An agent that never got the answer to its enrolment asks once more: nobody has used the identity,
 * and the proof is by the same key.
 */
async function isRepeated(
  transaction: Transaction,
  cluster: BoundCluster,
  proof: ProvenCluster,
  usedAt: number,
): Promise<boolean> {
  if (cluster.uid !== proof.uid) return false;
  const identities = await transaction
    .selectFrom('agent_identities')
    .select(['created_at', 'first_used_at'])
    .where('cluster_id', '=', cluster.id)
    .execute();
  const [identity, ...others] = identities;
  if (identity === undefined || others.length > 0) return false;
  if (identity.created_at !== usedAt || identity.first_used_at !== null) return false;
  const key = await transaction
    .selectFrom('cluster_keys')
    .select('thumbprint')
    .where('thumbprint', '=', proof.proven)
    .where('cluster_id', '=', cluster.id)
    .where('proven_at', 'is not', null)
    .executeTakeFirst();
  return key !== undefined;
}

export interface RepeatedProof extends ProvenCluster {
  readonly cluster: number;
  readonly now: number;
}

/**
 * Takes over what the agent of a cluster proves anew.
 * @throws {Refusal} `not-found`, `conflict`
 */
export const proveCluster: Write<RepeatedProof, void> = {
  name: 'clusters.prove',
  durability: 'durable',
  run: async (transaction, { cluster: id, now, ...proof }) => {
    await lockTable(transaction, 'clusters');
    const cluster = await transaction
      .selectFrom('clusters')
      .select(['id', 'name', 'uid'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (cluster === undefined) {
      throw new Refusal('not-found', 'This cluster has just been disconnected.');
    }
    if (await bind(transaction, cluster, proof, now)) await bumpGrantGeneration(transaction);
  },
};

interface BoundCluster {
  readonly id: number;
  readonly name: string;
  readonly uid: string | null;
}

/** @returns whether the issuer or the keys of the cluster changed */
async function bind(
  transaction: Transaction,
  cluster: BoundCluster,
  proof: ProvenCluster,
  now: number,
): Promise<boolean> {
  const { uid, issuer, kubernetesVersion, keys, proven } = proof;
  if (cluster.uid !== null && cluster.uid !== uid) throw otherCluster(cluster.name, cluster.uid);
  const twin = await transaction
    .selectFrom('clusters')
    .select('name')
    .where('uid', '=', uid)
    .where('id', '!=', cluster.id)
    .executeTakeFirst();
  if (twin !== undefined) throw connectedAs(twin.name, cluster.name);
  const changed = await takeKeys(transaction, cluster, keys, proven, now);
  const known = await transaction
    .selectFrom('clusters')
    .select('issuer')
    .where('id', '=', cluster.id)
    .executeTakeFirst();
  await transaction
    .updateTable('clusters')
    .set({ uid, issuer, kubernetes_version: kubernetesVersion })
    .where('id', '=', cluster.id)
    .execute();
  return changed || known?.issuer !== issuer;
}

/** A key that was proven is taken from a cluster that has only claimed it, and from no other. */
async function takeKeys(
  transaction: Transaction,
  cluster: BoundCluster,
  keys: ProvenCluster['keys'],
  proven: string,
  now: number,
): Promise<boolean> {
  const present = await transaction
    .selectFrom('cluster_keys')
    .innerJoin('clusters', 'clusters.id', 'cluster_keys.cluster_id')
    .select([
      'cluster_keys.thumbprint',
      'cluster_keys.cluster_id',
      'cluster_keys.proven_at',
      'clusters.name',
    ])
    .where((row) =>
      row.or([
        row('cluster_keys.cluster_id', '=', cluster.id),
        row(
          'cluster_keys.thumbprint',
          'in',
          keys.map(({ thumbprint }) => thumbprint),
        ),
      ]),
    )
    .execute();
  const known = new Map(present.map((row) => [row.thumbprint, row]));
  const own = present.filter((row) => row.cluster_id === cluster.id);
  let changed = false;
  for (const { thumbprint, jwk } of keys) {
    const row = known.get(thumbprint);
    const isProven = thumbprint === proven;
    if (row === undefined) {
      await transaction
        .insertInto('cluster_keys')
        .values({
          thumbprint,
          cluster_id: cluster.id,
          jwk,
          proven_at: isProven ? now : null,
          created_at: now,
        })
        .execute();
      changed = true;
    } else if (isProven) {
      const isOwn = row.cluster_id === cluster.id;
      if (!isOwn && row.proven_at !== null) throw sharedKey(row.name, cluster.name);
      if (isOwn && row.proven_at !== null) continue;
      await transaction
        .updateTable('cluster_keys')
        .set({ cluster_id: cluster.id, proven_at: now })
        .where('thumbprint', '=', thumbprint)
        .execute();
      changed = true;
    }
  }
  const gone = own.filter((row) => keys.every(({ thumbprint }) => thumbprint !== row.thumbprint));
  if (gone.length > 0) {
    await transaction
      .deleteFrom('cluster_keys')
      .where('cluster_id', '=', cluster.id)
      .where(
        'thumbprint',
        'in',
        gone.map(({ thumbprint }) => thumbprint),
      )
      .execute();
  }
  return changed || gone.length > 0;
}

/** What came of an attempt that was refused, for whoever looks at the cluster's checklist. */
export const noteEnrolmentProblem: Write<
  { readonly tokenHmac: Uint8Array; readonly problem: string },
  void
> = {
  name: 'clusters.note-enrolment-problem',
  durability: 'durable',
  run: async (transaction, { tokenHmac, problem }) => {
    await transaction
      .updateTable('cluster_tokens')
      .set({ problem })
      .where('secret_hmac', '=', tokenHmac)
      .where('used_at', 'is', null)
      .execute();
  },
};

export function unknownToken(): Refusal {
  return new Refusal(
    'unauthenticated',
    'This connect token is none that this registry has made, or it was replaced or forgotten since: run berth cluster connect NAME again for a new command.',
  );
}

export function expiredToken(cluster: string, expiredAt: number): Refusal {
  return new Refusal(
    'unauthenticated',
    `This connect token expired at ${moment(expiredAt)}: run berth cluster connect ${cluster} again for a new command.`,
  );
}

export function usedToken(cluster: string, usedAt: number): Refusal {
  return new Refusal(
    'unauthenticated',
    `This connect token was used at ${moment(usedAt)}, and works once only: run berth cluster connect ${cluster} again for a new command. If it was not you who used it, run berth cluster disconnect ${cluster} --force first.`,
  );
}

function otherCluster(name: string, uid: string): Refusal {
  return new Refusal(
    'conflict',
    `The name ${name} is of another cluster, whose namespace kube-system has the UID ${uid}: connect this one under another name, or give the name up with berth cluster disconnect ${name} first.`,
  );
}

function connectedAs(present: string, asked: string): Refusal {
  return new Refusal(
    'conflict',
    `This cluster is connected under the name ${present} already: use that name, or run berth cluster disconnect ${present} before you connect it as ${asked}.`,
  );
}

function sharedKey(present: string, asked: string): Refusal {
  return new Refusal(
    'conflict',
    `The cluster ${present} signs its ServiceAccount tokens with the same key, so that nobody can tell its pods from those of ${asked}: give one of them a key of its own (--service-account-signing-key-file), or run berth cluster disconnect ${present} first.`,
  );
}
