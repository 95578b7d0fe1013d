import type { NamespaceCredentials, NamespaceReport, ServerCalls } from '#contract/agent.ts';
import type { Log } from '../log.ts';
import type { NodeFacts, Reports } from '../part.ts';
import type { Stores } from '../stores.ts';
import { createCheckReport } from './check-report.ts';
import { createDeltaReport } from './delta-report.ts';
import { nodeReport } from './node-report.ts';

export interface RunningReports extends Reports {
  /** The server knows nothing yet. */
  connected(): void;
}

export interface ReportsOptions extends Stores {
  readonly server: ServerCalls;
  readonly isOpen: () => boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Tells the server of nodes and namespaces as they come, change and go, and of the checklist. */
export function createReports(options: ReportsOptions): RunningReports {
  const { nodes, namespaces, server, isOpen, log, signal } = options;
  // What a connection took along when it ended is told again when another opens.
  const failed = (what: string) => (error: unknown) => {
    if (isOpen()) log.failure(what, error);
  };
  const nodeFacts = new Map<string, NodeFacts>();
  const credentials = new Map<string, NamespaceCredentials>();
  const told = { nodes: false, namespaces: false };

  const checks = createCheckReport({
    send: (list) => server['checks.report']({ checks: list }),
    report: failed('Reporting checks'),
    signal,
  });

  function inventoryIsTold(what: keyof typeof told): void {
    told[what] = true;
    if (!told.nodes || !told.namespaces) return;
    const detail = `${counted(nodes.size, 'node')}, ${counted(namespaces.size, 'namespace')}`;
    checks.set({ name: 'inventory', state: 'passed', detail });
  }

  function namespaceReport(name: string): NamespaceReport | undefined {
    const namespace = namespaces.get(name);
    if (namespace === undefined) return undefined;
    const { uid, labels } = namespace;
    const placed = credentials.get(name);
    return { name, uid, labels, ...(placed !== undefined && { credentials: placed }) };
  }

  function nodeReportOf(name: string) {
    const node = nodes.get(name);
    return node === undefined ? undefined : nodeReport(node, nodeFacts.get(name));
  }

  const ofNodes = createDeltaReport({
    names: () => [...nodes.values()].map(({ metadata }) => metadata.name),
    read: nodeReportOf,
    send: (delta) => server['nodes.report'](delta),
    complete: () => inventoryIsTold('nodes'),
    report: failed('Reporting nodes'),
    signal,
  });
  const ofNamespaces = createDeltaReport({
    names: () => [...namespaces.values()].map(({ name }) => name),
    read: namespaceReport,
    send: (delta) => server['namespaces.report'](delta),
    complete: () => inventoryIsTold('namespaces'),
    report: failed('Reporting namespaces'),
    signal,
  });

  nodes.subscribe((change) => {
    const { name } = change.item.metadata;
    if (change.kind === 'deleted') nodeFacts.delete(name);
    // A node says every few minutes that nothing has changed.
    const same =
      change.kind === 'changed' &&
      JSON.stringify(nodeReport(change.before)) === JSON.stringify(nodeReport(change.item));
    if (!same) ofNodes.touch(name);
  });
  namespaces.subscribe(({ kind, item }) => {
    if (kind === 'deleted') credentials.delete(item.name);
    ofNamespaces.touch(item.name);
  });

  return {
    setNode(name, facts) {
      if (JSON.stringify(nodeFacts.get(name)) === JSON.stringify(facts)) return;
      nodeFacts.set(name, facts);
      ofNodes.touch(name);
    },
    setNamespace(name, state) {
      if (JSON.stringify(credentials.get(name)) === JSON.stringify(state)) return;
      if (state === undefined) credentials.delete(name);
      else credentials.set(name, state);
      ofNamespaces.touch(name);
    },
    setCheck: checks.set,
    checksTold: checks.told,
    connected() {
      checks.connected();
      // A list that is not in yet would tell the server that nothing is there.
      void nodes.filled.then(ofNodes.connected);
      void namespaces.filled.then(ofNamespaces.connected);
    },
  };
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
