import type { NodeCredentialProvider, NodeTrust, Problem } from '#contract/agent.ts';
import { parseRuntimeVersion } from '../containerd-config.ts';
import { kubeletFlags, restartCommand } from '../credential-provider/flags.ts';
import {
  explainProblem,
  type FoundProblem,
  type NodeSubject,
  providerPlaces,
  readProblems,
} from './problems.ts';
import type { NodeStatus } from './status.ts';

/** A node, and what is wanted of it. */
export interface NodeExpectation extends NodeSubject {
  /** Of the files that it is to have. */
  readonly revision: string;
  /** As the node says it: `containerd://2.4.2`. */
  readonly runtime: string;
  /** What k3s says it takes credential providers from; absent where nobody says so. */
  readonly providerConfig?: string | undefined;
}

/** Whether the node trusts the registry; without a status, what keeps its pod from saying so. */
export function nodeTrust(
  expected: NodeExpectation,
  status: NodeStatus | undefined,
  obstacle?: Problem,
): NodeTrust {
  if (status === undefined) {
    return obstacle === undefined ? { state: 'pending' } : { state: 'problem', problem: obstacle };
  }
  const [first] = trustProblems(expected, status);
  const told = {
    ...(status.config_path !== '' && { configPath: status.config_path }),
    ...(first === undefined &&
      status.authorities !== 'none' && { authorities: status.authorities }),
  };
  if (first !== undefined) {
    return { state: 'problem', ...told, problem: explainProblem(first, expected, status) };
  }
  if (status.authorities !== 'none' && status.laid.length + status.kept.length === 0) {
    const { configPath } = { configPath: undefined, ...told };
    return {
      state: 'problem',
      ...(configPath !== undefined && { configPath }),
      problem: {
        message: `No container runtime that Berth knows was found on ${expected.node}, which runs ${expected.runtime}.`,
        cure: `Make it trust the registry by hand: berth trust ${expected.registry} on the node.`,
      },
    };
  }
  if (status.revision === expected.revision) return { state: 'trusted', ...told };
  return obstacle === undefined
    ? { state: 'pending', ...told }
    : { state: 'problem', ...told, problem: obstacle };
}

function trustProblems(expected: NodeExpectation, status: NodeStatus): FoundProblem[] {
  return readProblems(status.problems).filter(
    ({ code }) =>
      code !== 'config-path' || status.config_path === '?' || !hasDefault(expected, status),
  );
}

/** From 2.2 on, containerd looks in a folder of its own choice unless it is told otherwise. */
function hasDefault({ runtime }: NodeExpectation, { config_legacy }: NodeStatus): boolean {
  const [major, minor] = parseRuntimeVersion(runtime);
  return config_legacy === 'no' && (major > 2 || (major === 2 && minor >= 2));
}

/** How far the credential provider of the node is. */
export function nodeCredentialProvider(
  expected: NodeExpectation,
  status: NodeStatus | undefined,
  unmerged?: string,
): NodeCredentialProvider {
  if (status === undefined) return { state: 'off' };
  const { provider_state: state } = status;
  if (state === 'inert') return { state, problem: explainInert(expected, status) };
  const [problem] = readProblems(status.provider_problems);
  if (problem !== undefined) {
    return { state: 'problem', problem: explainProblem(problem, expected, status) };
  }
  switch (state) {
    case 'installed':
      return { state, problem: notNamed(expected) };
    case 'active':
      return isOverruled(expected, status)
        ? { state: 'installed', problem: overruled(expected, status) }
        : { state };
    case 'foreign':
      return { state: 'problem', problem: hasOthers(expected, status) };
    case 'merge':
      return unmerged === undefined
        ? { state: 'installed' }
        : {
            state: 'problem',
            problem: {
              message: unmerged,
              cure: `Correct ${status.provider_config} on ${expected.node}.`,
            },
          };
    default:
      return { state };
  }
}

/** What keeps a provider that answers nothing on a node, and how that ends. */
export function explainInert(subject: NodeSubject, status: NodeStatus): Problem {
  const { node, distribution } = subject;
  const run = `run on the node: ${restartCommand(distribution)}`;
  const problems = readProblems(status.provider_problems);
  const found = (wanted: string) => problems.find(({ code }) => code === wanted);
  const changed = found('changed');
  if (changed !== undefined) {
    const { message } = explainProblem(changed, subject, status);
    return { message, cure: `Take out of it what names berth, and ${run}` };
  }
  const restart = found('restart');
  if (restart !== undefined) return explainProblem(restart, subject, status);
  return {
    message: `The kubelet of ${node} names Berth's credential provider, which answers nothing any more and goes by itself once it is not named.`,
    cure: `Take ${kubeletFlags(providerPlaces).join(' and ')} out of its flags, and ${run}`,
  };
}

function notNamed({ node, cluster }: NodeSubject): Problem {
  return {
    message: `The kubelet of ${node} is not told of the credential provider.`,
    cure: `Start it with: ${kubeletFlags(providerPlaces).join(' ')}. Or let Berth do it: berth cluster set ${cluster} --credential-provider configure`,
  };
}

/** k3s reads other files than the script does when its command line says so. */
function isOverruled(
  { providerConfig }: NodeExpectation,
  { provider_config }: NodeStatus,
): boolean {
  return (
    providerConfig !== undefined && provider_config !== '' && providerConfig !== provider_config
  );
}

function overruled({ node, providerConfig }: NodeExpectation, status: NodeStatus): Problem {
  const [file, folder] = [status.provider_config, status.provider_bin].map(shortened);
  if (providerConfig !== '') {
    return {
      message: `k3s on ${node} takes its credential providers from ${providerConfig}: its command line overrules its files.`,
      cure: `Take --image-credential-provider-config and --image-credential-provider-bin-dir out of its command line on the node, and restart k3s.`,
    };
  }
  return {
    message: `k3s on ${node} was started without the credential provider that /etc/rancher/k3s names: it has not read it yet, or reads another file.`,
    cure: `Restart k3s on the node. If its --config or K3S_CONFIG_FILE names another file, put this there first:\nimage-credential-provider-config: ${file}\nimage-credential-provider-bin-dir: ${folder}`,
  };
}

/** So that several fit into one sentence. */
function shortened(path: string): string {
  return path.slice(0, 512);
}

function hasOthers({ node, cluster }: NodeSubject, { provider_config }: NodeStatus): Problem {
  return {
    message: `The kubelet of ${node} has credential providers of others, in ${provider_config || 'a file of its distribution'}.`,
    cure: `Let Berth put its own beside them: berth cluster set ${cluster} --credential-provider configure`,
  };
}
