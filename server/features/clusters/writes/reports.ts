import { Refusal } from '#lib/errors.ts';
import type { Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forShare } from '#server/database/locking.ts';

/** Of one cluster: what is beyond is refused, since somebody has to keep it. */
const mostNodes = 10_000;
export const mostNamespaces = 20_000;
/** Rows of one statement: databases limit the values of one. */
const rowsAtOnce = 500;

/** What became of the nodes, or the namespaces, of a cluster. */
export interface ReportedChanges<Row> {
  readonly cluster: number;
  readonly changed: readonly Row[];
  readonly removed: readonly string[];
  /** Ranges of names of which nothing is left but what `changed` says. */
  readonly complete: readonly { readonly from?: string; readonly until?: string }[];
  readonly now: number;
}

export interface ReportedNode {
  readonly name: string;
  readonly report: string;
  readonly trust: 'trusted' | 'pending' | 'problem';
}

export interface ReportedNamespace {
  readonly name: string;
  readonly uid: string;
  /** JSON, keys sorted. */
  readonly labels: string;
  readonly credentials: string | null;
}

/** @throws {Refusal} `not-found`, `too-large` */
export const reportNodes: Write<ReportedChanges<ReportedNode>, void> = {
  name: 'clusters.report-nodes',
  durability: 'durable',
  run: async (transaction, report) => {
    const { cluster, changed, now } = report;
    await holdCluster(transaction, cluster);
    const present = await transaction
      .selectFrom('cluster_nodes')
      .select('name')
      .where('cluster_id', '=', cluster)
      .execute();
    const names = new Set(present.map(({ name }) => name));
    const gone = goneFrom(names, report);
    for (const batch of batchesOf(gone)) {
      await transaction
        .deleteFrom('cluster_nodes')
        .where('cluster_id', '=', cluster)
        .where('name', 'in', batch)
        .execute();
    }
    refuseMoreThan(mostNodes, 'nodes', names, gone, changed);
    for (const batch of batchesOf(changed)) {
      await transaction
        .insertInto('cluster_nodes')
        .values(batch.map((node) => ({ ...node, cluster_id: cluster, updated_at: now })))
        .onConflict((conflict) =>
          conflict.columns(['cluster_id', 'name']).doUpdateSet((row) => ({
            report: row.ref('excluded.report'),
            trust: row.ref('excluded.trust'),
            updated_at: now,
          })),
        )
        .execute();
    }
  },
};

/**
 * A namespace that is gone takes its credentials along. Labels may decide what is granted.
 * @throws {Refusal} `not-found`, `too-large`
 */
export const reportNamespaces: Write<ReportedChanges<ReportedNamespace>, void> = {
  name: 'clusters.report-namespaces',
  durability: 'durable',
  run: async (transaction, report) => {
    const { cluster, changed, now } = report;
    await holdCluster(transaction, cluster);
    const present = await transaction
      .selectFrom('cluster_namespaces')
      .select(['name', 'labels'])
      .where('cluster_id', '=', cluster)
      .execute();
    const labelsOf = new Map(present.map(({ name, labels }) => [name, labels]));
    const gone = goneFrom(labelsOf, report);
    let endedCredentials = false;
    for (const batch of batchesOf(gone)) {
      await transaction
        .deleteFrom('cluster_namespaces')
        .where('cluster_id', '=', cluster)
        .where('name', 'in', batch)
        .execute();
      const { numDeletedRows } = await transaction
        .deleteFrom('namespace_credentials')
        .where('cluster_id', '=', cluster)
        .where('namespace', 'in', batch)
        .executeTakeFirst();
      endedCredentials ||= numDeletedRows > 0n;
    }
    refuseMoreThan(mostNamespaces, 'namespaces', labelsOf, gone, changed);
    for (const batch of batchesOf(changed)) {
      await transaction
        .insertInto('cluster_namespaces')
        .values(batch.map((namespace) => ({ ...namespace, cluster_id: cluster, updated_at: now })))
        .onConflict((conflict) =>
          conflict.columns(['cluster_id', 'name']).doUpdateSet((row) => ({
            uid: row.ref('excluded.uid'),
            labels: row.ref('excluded.labels'),
            credentials: row.ref('excluded.credentials'),
            updated_at: now,
          })),
        )
        .execute();
    }
    const relabelled =
      gone.length > 0 || changed.some(({ name, labels }) => labelsOf.get(name) !== labels);
    if (endedCredentials || (relabelled && (await grantsByLabels(transaction, cluster)))) {
      await bumpGrantGeneration(transaction);
    }
  },
};

/** What the agent says of itself. */
export const reportChecks: Write<{ readonly cluster: number; readonly checks: string }, void> = {
  name: 'clusters.report-checks',
  durability: 'durable',
  run: async (transaction, { cluster, checks }) => {
    await transaction.updateTable('clusters').set({ checks }).where('id', '=', cluster).execute();
  },
};

async function holdCluster(transaction: Transaction, cluster: number): Promise<void> {
  const row = await forShare(
    transaction,
    transaction.selectFrom('clusters').select('id').where('id', '=', cluster),
  ).executeTakeFirst();
  if (row === undefined) {
    throw new Refusal('not-found', 'This cluster has just been disconnected.');
  }
}

function goneFrom(
  present: ReadonlySet<string> | ReadonlyMap<string, unknown>,
  { changed, removed, complete }: ReportedChanges<{ readonly name: string }>,
): string[] {
  const named = new Set(changed.map(({ name }) => name));
  const covered = (name: string) =>
    complete.some(
      ({ from, until }) =>
        (from === undefined || name >= from) && (until === undefined || name < until),
    );
  const gone = new Set(removed.filter((name) => present.has(name) && !named.has(name)));
  if (complete.length > 0) {
    for (const name of present.keys()) if (!named.has(name) && covered(name)) gone.add(name);
  }
  return [...gone];
}

function refuseMoreThan(
  most: number,
  what: string,
  present: ReadonlySet<string> | ReadonlyMap<string, unknown>,
  gone: readonly string[],
  changed: readonly { readonly name: string }[],
): void {
  const added = changed.filter(({ name }) => !present.has(name)).length;
  if (present.size - gone.length + added <= most) return;
  throw new Refusal('too-large', `Of one cluster at most ${most} ${what} are taken.`);
}

async function grantsByLabels(transaction: Transaction, cluster: number): Promise<boolean> {
  const row = await transaction
    .selectFrom('cluster_grants')
    .select('id')
    .where('cluster_id', '=', cluster)
    .where('selector', 'like', '{"kind":"labels"%')
    .executeTakeFirst();
  return row !== undefined;
}

function batchesOf<Item>(items: readonly Item[]): Item[][] {
  const batches: Item[][] = [];
  for (let begin = 0; begin < items.length; begin += rowsAtOnce) {
    batches.push(items.slice(begin, begin + rowsAtOnce));
  }
  return batches;
}
