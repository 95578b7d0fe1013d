import type { NamespaceReport, NodeReport } from '#contract/agent.ts';
import type { Database, Write } from '#server/database/database.ts';
import { type ReportedChanges, reportNamespaces, reportNodes } from '../writes/reports.ts';

/** One report of an agent: what changed of its nodes, or of its namespaces. */
export interface Changes<Item> {
  readonly complete: boolean;
  readonly from?: string;
  readonly until?: string;
  readonly changed: readonly Item[];
  readonly removed: readonly string[];
}

/** Keeps what an agent reports, in the order in which it came. */
export interface Reports {
  /** Resolves once it is kept. @throws {Refusal} */
  nodes(changes: Changes<NodeReport>): Promise<void>;
  /** Resolves once it is kept. @throws {Refusal} */
  namespaces(changes: Changes<NamespaceReport>): Promise<void>;
  /** Resolves once all that was reported so far is kept, or refused. */
  settled(): Promise<void>;
}

export function createReports(database: Database, cluster: number, now: () => number): Reports {
  const nodes = gather(database, reportNodes, cluster, now, (report: NodeReport) => ({
    name: report.name,
    report: JSON.stringify(report),
    trust: report.trust.state,
  }));
  const namespaces = gather(
    database,
    reportNamespaces,
    cluster,
    now,
    (report: NamespaceReport) => ({
      name: report.name,
      uid: report.uid,
      labels: JSON.stringify(sorted(report.labels)),
      credentials: report.credentials === undefined ? null : JSON.stringify(report.credentials),
    }),
  );
  return {
    nodes: nodes.add,
    namespaces: namespaces.add,
    async settled() {
      await Promise.all([nodes.settled(), namespaces.settled()]);
    },
  };
}

/** What arrives while a write is under way goes along with the next one. */
function gather<Item extends { readonly name: string }, Row extends { readonly name: string }>(
  database: Database,
  write: Write<ReportedChanges<Row>, void>,
  cluster: number,
  now: () => number,
  rowOf: (item: Item) => Row,
) {
  interface Batch {
    readonly changed: Map<string, Row>;
    readonly removed: Set<string>;
    readonly complete: { readonly from?: string; readonly until?: string }[];
    readonly kept: Promise<void>;
  }
  let open: Batch | undefined;
  let last: Promise<void> = Promise.resolve();

  function begin(): Batch {
    const batch: Batch = {
      changed: new Map(),
      removed: new Set(),
      complete: [],
      kept: last.then(() => {
        open = undefined;
        return database.write(write, {
          cluster,
          changed: [...batch.changed.values()],
          removed: [...batch.removed],
          complete: batch.complete,
          now: now(),
        });
      }),
    };
    last = batch.kept.catch(() => {});
    return batch;
  }

  return {
    add({ complete, from, until, changed, removed }: Changes<Item>): Promise<void> {
      open ??= begin();
      const batch = open;
      if (complete) {
        const range = {
          ...(from !== undefined && { from }),
          ...(until !== undefined && { until }),
        };
        for (const name of batch.changed.keys()) if (lies(name, range)) batch.changed.delete(name);
        batch.complete.push(range);
      }
      for (const name of removed) {
        batch.changed.delete(name);
        batch.removed.add(name);
      }
      for (const item of changed) {
        batch.removed.delete(item.name);
        batch.changed.set(item.name, rowOf(item));
      }
      return batch.kept;
    },
    settled: () => last,
  };
}

function lies(
  name: string,
  { from, until }: { readonly from?: string; readonly until?: string },
): boolean {
  return (from === undefined || name >= from) && (until === undefined || name < until);
}

function sorted(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}
