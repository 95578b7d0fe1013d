import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Cluster, ClusterCheck } from '#contract/clusters.ts';
import type { Api } from '../api.ts';
import { type Output, plain } from '../output.ts';
import { clusterPath } from './paths.ts';

const lookMilliseconds = 500;

const titles: Readonly<Record<ClusterCheck['name'], string>> = {
  token: 'connect token used',
  tls: 'connection by TLS',
  identity: 'identity of the cluster',
  rbac: 'rights in the cluster',
  inventory: 'nodes and namespaces reported',
  'test-pull': 'test pull',
  webhook: 'webhook',
};

const marks = {
  passed: styleText('green', 'ok     '),
  failed: styleText('red', 'failed '),
  waiting: styleText('yellow', 'waiting'),
} as const;

/** A line each, and under what is not in order what to do. */
export function checklistLines(checks: readonly ClusterCheck[]): string[] {
  return checks.flatMap(({ name, state, detail, problem }) => {
    const said = problem?.message ?? detail;
    const line = `${marks[state]}  ${titles[name]}${said === undefined ? '' : `: ${plain(said)}`}`;
    return problem === undefined ? [line] : [line, `         → ${plain(problem.cure)}`];
  });
}

export function checklistOutput(cluster: Cluster): Output {
  return {
    json: cluster,
    text: [stateText(cluster), ...checklistLines(cluster.checks)].join('\n'),
    failed: hasFailed(cluster),
  };
}

export function stateText({
  name,
  state,
  kubernetes_version: version,
  ...cluster
}: Cluster): string {
  const what = {
    waiting: 'waits for its agent to connect',
    connected: 'is connected',
    away: 'is away: its agent is not connected now',
    disconnecting: 'is being disconnected',
  }[state];
  const nodes = `${cluster.trusted_nodes} of ${cluster.nodes} nodes trust the registry`;
  return state === 'waiting'
    ? `${name} ${what}.`
    : `${name} ${what}${version === undefined ? '' : `, Kubernetes ${plain(version)}`}; ${nodes}; ${cluster.namespaces} namespaces.`;
}

export function hasFailed({ checks }: Cluster): boolean {
  return checks.some(({ state }) => state === 'failed');
}

function isDone({ checks }: Cluster): boolean {
  return checks.every(({ state }) => state === 'passed');
}

/** Nothing that happens in the cluster mends these: another token is needed. */
function isLost({ checks }: Cluster): boolean {
  return checks.some(
    ({ name, state }) => state === 'failed' && (name === 'token' || name === 'identity'),
  );
}

/** Follows a cluster until every check has passed, or one has failed for good. */
export async function watchChecklist(api: Api, name: string): Promise<Cluster> {
  const lines = showLines();
  try {
    for (;;) {
      const cluster = await api.get<Cluster>(clusterPath(name));
      if (isDone(cluster) || isLost(cluster)) return cluster;
      lines.show(checklistLines(cluster.checks));
      await pause(lookMilliseconds);
    }
  } finally {
    lines.end();
  }
}

/** Lines on standard error: redrawn on a terminal, elsewhere told as they change. */
function showLines(stream: NodeJS.WriteStream = process.stderr) {
  let shown: readonly string[] = [];
  const clear = () => {
    if (shown.length > 0) stream.write(`\u001b[${shown.length}F\u001b[J`);
  };
  return {
    show(lines: readonly string[]) {
      if (!stream.isTTY) {
        for (const line of lines) if (!shown.includes(line)) stream.write(`${line}\n`);
        shown = lines;
        return;
      }
      const cut = lines.map((line) => cutTo((stream.columns ?? 80) - 1, line));
      clear();
      stream.write(cut.map((line) => `${line}\n`).join(''));
      shown = cut;
    },
    end() {
      if (stream.isTTY) clear();
    },
  };
}

/** A colour takes no place on a terminal. */
function cutTo(width: number, line: string): string {
  return line.slice(0, width + line.length - stripVTControlCharacters(line).length);
}
