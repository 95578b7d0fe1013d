import type { AgentCheck, Problem } from '#contract/agent.ts';
import type { ClusterCheck } from '#contract/clusters.ts';
import { moment } from './moments.ts';
import { isConnected } from './presence.ts';
import type { ClusterRow, LatestToken } from './queries.ts';
import type { EffectiveSettings } from './stored-settings.ts';

/** After which waiting is told to be long, with what to look at. */
const patience = 60_000;

const loopback = /^(?:localhost|127\.[0-9.]+|\[::1\])(?::\d+)?$/;

export interface CheckedCluster {
  readonly cluster: ClusterRow;
  readonly settings: EffectiveSettings;
  /** The one made last, as long as it is kept. */
  readonly token: LatestToken | undefined;
  /** `host[:port]` */
  readonly registry: string;
  /** Of this server. */
  readonly version: string;
  readonly now: number;
}

/** How far a cluster is on its way to being connected, step by step, with what to do. */
export function checklistOf(checked: CheckedCluster): ClusterCheck[] {
  // Whoever leaves needs its agent, and nothing else of it any more.
  if (checked.cluster.disconnecting_at !== null) return [tlsCheck(checked)];
  return [
    tokenCheck(checked),
    tlsCheck(checked),
    identityCheck(checked),
    ...agentChecks(checked),
    ...versionChecks(checked),
  ];
}

function tokenCheck({ cluster, token, now }: CheckedCluster): ClusterCheck {
  const name = 'token';
  const again = `Run berth cluster connect ${cluster.name} for a new command.`;
  if (cluster.enrolled_at !== null) {
    return { name, state: 'passed', detail: `used at ${moment(cluster.enrolled_at)}` };
  }
  if (token === undefined) {
    return failed(name, { message: 'The connect token has ended unused.', cure: again });
  }
  if (token.expires_at <= now) {
    return failed(name, {
      message: `The connect token expired at ${moment(token.expires_at)} unused.`,
      cure: again,
    });
  }
  const detail =
    token.shown_at === null
      ? 'waits for the connect command to be run'
      : `its manifests were fetched at ${moment(token.shown_at)} from ${token.shown_to}`;
  return { name, state: 'waiting', detail: `${detail}; good until ${moment(token.expires_at)}` };
}

function tlsCheck({ cluster, token, registry, now }: CheckedCluster): ClusterCheck {
  const name = 'tls';
  const look =
    'See kubectl --namespace berth get pods, and kubectl --namespace berth logs deployment/berth-agent';
  if (cluster.enrolled_at !== null) {
    if (isConnected(cluster, now)) return { name, state: 'passed' };
    const since = moment(cluster.seen_at ?? cluster.enrolled_at);
    if ((cluster.seen_at ?? cluster.enrolled_at) > now - patience)
      return { name, state: 'waiting' };
    return failed(name, {
      message: `The agent has not been connected since ${since}.`,
      cure:
        cluster.disconnecting_at === null
          ? `${look}; pods of the cluster must reach ${registry}.`
          : `${look}; it takes away the rest. Where it cannot come back, forget the cluster with berth cluster disconnect ${cluster.name} --force.`,
    });
  }
  if (token?.problem) return { name, state: 'passed' };
  if (loopback.test(registry)) {
    return failed(name, {
      message: `Berth is called ${registry}, which leads nodes and pods to themselves.`,
      cure: `Start it with BERTH_URL=https://HOST[:PORT], as its clients reach it, and run berth cluster connect ${cluster.name} for a new command.`,
    });
  }
  if (token?.distrusted_by) {
    return failed(name, {
      message: `A client at ${token.distrusted_by} did not trust this server's certificate since the manifests were fetched.`,
      cure: `If that is a node of ${cluster.name} or its way out: see kubectl --namespace berth logs daemonset/berth-node for why the node does not trust ${registry}. If the authority has changed since, run berth cluster connect ${cluster.name} for a new command.`,
    });
  }
  const shownAt = token?.shown_at ?? null;
  if (shownAt === null || shownAt > now - patience) return { name, state: 'waiting' };
  return {
    name,
    state: 'waiting',
    problem: {
      message: `No agent has come since the manifests were fetched at ${moment(shownAt)}.`,
      cure: `${look}; nodes and pods of the cluster must reach ${registry}, or an address that berth cluster set ${cluster.name} --address names.`,
    },
  };
}

function identityCheck({ cluster, token }: CheckedCluster): ClusterCheck {
  const name = 'identity';
  if (token?.problem) {
    return failed(name, {
      message: token.problem,
      cure: `Once that is mended, run berth cluster connect ${cluster.name} for a new command.`,
    });
  }
  if (cluster.enrolled_at === null) return { name, state: 'waiting' };
  return { name, state: 'passed', detail: `the UID of kube-system is ${cluster.uid}` };
}

function agentChecks({ cluster, settings, now }: CheckedCluster): ClusterCheck[] {
  const reported = new Map(reportedChecks(cluster).map((check) => [check.name, check]));
  const names: AgentCheck['name'][] = ['rbac', 'inventory', 'test-pull'];
  if (settings.webhook && settings.pull_secrets) names.push('webhook');
  const isLong = cluster.enrolled_at !== null && cluster.enrolled_at <= now - patience;
  return names.map((name) => {
    const check = reported.get(name);
    if (check !== undefined) return check;
    if (!isLong) return { name, state: 'waiting' };
    return {
      name,
      state: 'waiting',
      problem: {
        message: 'The agent has said nothing of it yet.',
        cure: 'See kubectl --namespace berth logs deployment/berth-agent',
      },
    };
  });
}

/** An agent of another version goes on: it is not changed until somebody applies the newer one. */
function versionChecks({ cluster, version }: CheckedCluster): ClusterCheck[] {
  const name = 'version';
  return reportedChecks(cluster).flatMap((check) => {
    if (check.name !== name || check.detail === undefined) return [];
    const { detail } = check;
    if (detail === version) return [{ name, state: 'passed', detail }];
    const problem = {
      message: `The agent is of Berth ${detail}, the server of ${version}.`,
      cure: `It goes on as it is: run berth cluster connect ${cluster.name}, and the command that it prints, to bring it up to date.`,
    };
    return [{ name, state: 'passed', detail, problem }];
  });
}

function reportedChecks({ checks }: ClusterRow): AgentCheck[] {
  return JSON.parse(checks);
}

function failed(name: ClusterCheck['name'], problem: Problem): ClusterCheck {
  return { name, state: 'failed', problem };
}
