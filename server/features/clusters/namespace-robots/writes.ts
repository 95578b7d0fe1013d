import { Refusal } from '#lib/errors.ts';
import type { AnyWrite, Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forUpdate } from '#server/database/locking.ts';
import { mostNamespaces } from '../writes/reports.ts';

export interface NewCredential {
  readonly cluster: number;
  readonly namespace: string;
  readonly uid: string;
  /** JSON, keys sorted. */
  readonly labels: string;
  readonly secretHmac: Uint8Array;
  readonly now: number;
}

/**
 * Takes the namespace as the agent has just seen it, and gives its robot a secret beside the one
 * that is in place.
 * @returns the generation
 * @throws {Refusal} `not-found`, `too-large`; `conflict` while the cluster is being disconnected
 */
export const issueCredential: Write<NewCredential, number> = {
  name: 'clusters.issue-credential',
  durability: 'durable',
  run: async (transaction, { cluster, namespace, uid, labels, secretHmac, now }) => {
    await lockStandingCluster(transaction, cluster);
    const seen = await seeNamespace(transaction, { cluster, namespace, uid, labels, now });
    const rows = await transaction
      .selectFrom('namespace_credentials')
      .select(['generation', 'namespace_uid', 'placed_at'])
      .where('cluster_id', '=', cluster)
      .where('namespace', '=', namespace)
      .orderBy('generation', 'desc')
      .execute();
    const ended = withoutUse(rows, uid);
    if (ended.length > 0) {
      await transaction
        .deleteFrom('namespace_credentials')
        .where('cluster_id', '=', cluster)
        .where('namespace', '=', namespace)
        .where(
          'generation',
          'in',
          ended.map(({ generation }) => generation),
        )
        .execute();
    }
    const generation = (rows[0]?.generation ?? 0) + 1;
    await transaction
      .insertInto('namespace_credentials')
      .values({
        cluster_id: cluster,
        namespace,
        generation,
        namespace_uid: uid,
        secret_hmac: secretHmac,
        created_at: now,
      })
      .execute();
    if (seen === 'changed' || ended.length > 0) await bumpGrantGeneration(transaction);
    return generation;
  },
};

interface IssuedRow {
  readonly generation: number;
  readonly namespace_uid: string;
  readonly placed_at: number | null;
}

/**
 * All but the newest (which may be in the Secret, although nobody has said so), the one that is in
 * place and its predecessor.
 * @param rows the newest first
 */
function withoutUse(rows: readonly IssuedRow[], uid: string): readonly IssuedRow[] {
  const own = rows.filter((row) => row.namespace_uid === uid);
  const inPlace = own.findIndex((row) => row.placed_at !== null);
  const used = inPlace < 0 ? [own[0]] : [own[0], own[inPlace], own[inPlace + 1]];
  return rows.filter((row) => !used.includes(row));
}

async function lockStandingCluster(transaction: Transaction, id: number): Promise<void> {
  const cluster = await forUpdate(
    transaction,
    transaction.selectFrom('clusters').select(['name', 'disconnecting_at']).where('id', '=', id),
  ).executeTakeFirst();
  if (cluster === undefined) {
    throw new Refusal('not-found', 'This cluster has just been disconnected.');
  }
  if (cluster.disconnecting_at !== null) {
    throw new Refusal(
      'conflict',
      `Cluster ${cluster.name} is being disconnected: it gets no new credentials.`,
    );
  }
}

interface SeenNamespace {
  readonly cluster: number;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: string;
  readonly now: number;
}

async function seeNamespace(
  transaction: Transaction,
  { cluster, namespace, uid, labels, now }: SeenNamespace,
): Promise<'changed' | 'as-before'> {
  const known = await transaction
    .selectFrom('cluster_namespaces')
    .select(['uid', 'labels'])
    .where('cluster_id', '=', cluster)
    .where('name', '=', namespace)
    .executeTakeFirst();
  if (known?.uid === uid && known.labels === labels) return 'as-before';
  if (known === undefined) await refuseOneMore(transaction, cluster);
  await transaction
    .insertInto('cluster_namespaces')
    .values({ cluster_id: cluster, name: namespace, uid, labels, updated_at: now })
    .onConflict((conflict) =>
      conflict.columns(['cluster_id', 'name']).doUpdateSet({ uid, labels, updated_at: now }),
    )
    .execute();
  return 'changed';
}

async function refuseOneMore(transaction: Transaction, cluster: number): Promise<void> {
  const { count } = await transaction
    .selectFrom('cluster_namespaces')
    .select((part) => part.fn.countAll<number>().as('count'))
    .where('cluster_id', '=', cluster)
    .executeTakeFirstOrThrow();
  if (Number(count) < mostNamespaces) return;
  throw new Refusal('too-large', `Of one cluster at most ${mostNamespaces} namespaces are taken.`);
}

export interface PlacedCredential {
  readonly cluster: number;
  readonly namespace: string;
  readonly generation: number;
  readonly now: number;
  /** When those before it end. */
  readonly earlierEndAt: number;
}

/** @throws {Refusal} `not-found` */
export const placeCredential: Write<PlacedCredential, void> = {
  name: 'clusters.place-credential',
  durability: 'durable',
  run: async (transaction, { cluster, namespace, generation, now, earlierEndAt }) => {
    const ofNamespace = transaction
      .updateTable('namespace_credentials')
      .where('cluster_id', '=', cluster)
      .where('namespace', '=', namespace);
    const { numUpdatedRows } = await ofNamespace
      .set((row) => ({ placed_at: row.fn.coalesce('placed_at', row.val(now)) }))
      .where('generation', '=', generation)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) {
      throw new Refusal(
        'not-found',
        `The namespace ${namespace} has no credential ${generation} any more: ask for another.`,
      );
    }
    await ofNamespace
      .set({ ends_at: earlierEndAt })
      .where('generation', '<', generation)
      .where('ends_at', 'is', null)
      .execute();
  },
};

/** Ends the secrets of namespaces that nothing is granted to any more. */
export const endCredentials: Write<
  { readonly cluster: number; readonly namespaces: readonly string[] },
  void
> = {
  name: 'clusters.end-credentials',
  durability: 'durable',
  run: async (transaction, { cluster, namespaces }) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('namespace_credentials')
      .where('cluster_id', '=', cluster)
      .where('namespace', 'in', namespaces)
      .executeTakeFirst();
    if (numDeletedRows > 0n) await bumpGrantGeneration(transaction);
  },
};

export const namespaceRobotWrites: readonly AnyWrite[] = [
  issueCredential,
  placeCredential,
  endCredentials,
];
