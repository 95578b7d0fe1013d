import { setTimeout as pause } from 'node:timers/promises';
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Cluster, ClusterCheck } from '#contract/clusters.ts';
import type { Api } from '../api.ts';
import { CommandFailure } from '../failure.ts';
import { type Output, plain, terminalWidth } from '../output.ts';
import { disconnectionLines } from './disconnection.ts';
import { clusterPath } from './paths.ts';

const lookMilliseconds = 500;
/** An agent gives a pull six. */
const pullMilliseconds = 7 * 60_000;

const titles: Readonly<Record<ClusterCheck['name'], string>> = {
  token: 'connect token used',
  tls: 'connection by TLS',
  identity: 'identity of the cluster',
  rbac: 'rights in the cluster',
  inventory: 'nodes and namespaces reported',
  'test-pull': 'test pull',
  webhook: 'webhook',
  version: 'version of the agent',
};

const marks = {
  passed: styleText('green', 'ok     '),
  failed: styleText('red', 'failed '),
  waiting: styleText('yellow', 'waiting'),
  note: styleText('yellow', 'note   '),
} as const;

/** A line each, and under what is not in order what to do: whole lines, so that commands can be copied. */
export function checklistLines(checks: readonly ClusterCheck[]): string[] {
  return checks.flatMap(({ name, state, detail, problem }) => {
    const said = problem?.message ?? detail;
    const mark = marks[state === 'passed' && problem !== undefined ? 'note' : state];
    const line = `${mark}  ${titles[name]}${said === undefined ? '' : `: ${plain(said)}`}`;
    return problem === undefined ? [line] : [line, `         → ${plain(problem.cure)}`];
  });
}

export function checklistOutput(cluster: Cluster): Output {
  return {
    json: cluster,
    text: [
      stateText(cluster),
      ...disconnectionLines(cluster),
      ...checklistLines(cluster.checks),
    ].join('\n'),
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
    away: 'is away (its agent is not connected)',
    disconnecting: 'is being disconnected',
  }[state];
  const nodes = `${cluster.trusted_nodes} of ${cluster.nodes} nodes trust the registry`;
  return state === 'waiting'
    ? `${name} ${what}.`
    : `${name} ${what}${version === undefined ? '' : `, Kubernetes ${plain(version)}`}; ${nodes}; ${cluster.namespaces} namespaces.`;
}

function hasFailed({ checks }: Cluster): boolean {
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

/** Follows a pull that was asked for to its end. */
export async function watchTestPull(api: Api, name: string): Promise<ClusterCheck | undefined> {
  const lines = showLines();
  const end = performance.now() + pullMilliseconds;
  try {
    for (;;) {
      const { checks } = await api.get<Cluster>(clusterPath(name));
      const pull = checks.find((check) => check.name === 'test-pull');
      if (pull?.state !== 'waiting') return pull;
      if (performance.now() > end) {
        throw new CommandFailure(
          `The pull in ${name} has not ended within 7 minutes: see berth cluster status ${name}.`,
        );
      }
      lines.show(checklistLines([pull]));
      await pause(lookMilliseconds);
    }
  } finally {
    lines.end();
  }
}

/** Lines on standard error: redrawn on a terminal, elsewhere told as they change. */
function showLines(stream: NodeJS.WriteStream = process.stderr) {
  let shown: readonly string[] = [];
  /** Of the terminal, that `shown` takes. */
  let rows = 0;
  const clear = () => {
    if (rows > 0) stream.write(`\u001b[${rows}F\u001b[J`);
    rows = 0;
  };
  return {
    show(lines: readonly string[]) {
      if (!stream.isTTY) {
        for (const line of lines) if (!shown.includes(line)) stream.write(`${line}\n`);
        shown = lines;
        return;
      }
      clear();
      // What does not fit on the screen could not be cleared again.
      for (const line of [...lines, '', 'Ctrl-C ends the waiting, and nothing else.']) {
        const taken = rowsOf(line, terminalWidth(stream));
        if (rows + taken >= (stream.rows || Number.POSITIVE_INFINITY)) break;
        stream.write(`${line}\n`);
        rows += taken;
      }
    },
    end() {
      if (stream.isTTY) clear();
    },
  };
}

/** The terminal breaks what is longer than its lines; a colour takes no place. */
function rowsOf(line: string, width: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / width));
}
