import type { Problem } from '#contract/agent.ts';
import { containerdConfigPath } from '../certs-d.ts';
import { configPathLines } from '../containerd-config.ts';
import { kubeletFlags, restartCure } from '../credential-provider/flags.ts';
import { writableFolders } from './layout.ts';
import type { NodeStatus } from './status.ts';

/** What sentences about a node name. */
export interface NodeSubject {
  readonly node: string;
  readonly cluster: string;
  readonly registry: string;
  readonly distribution: string;
}

/** Where the provider is laid down where the node has none. */
export const providerPlaces = {
  configFile: '/var/lib/berth-node/credential-provider/config.yaml',
  binaryFolder: '/var/lib/berth-node/credential-provider/bin',
} as const;

export interface FoundProblem {
  readonly code: string;
  readonly path: string;
}

/** What one of the lists of a status tells of, in order. */
export function readProblems(list: readonly string[]): FoundProblem[] {
  return list.map((text) => {
    const equals = text.indexOf('=');
    return { code: text.slice(0, equals), path: text.slice(equals + 1) };
  });
}

/** A sentence that says what is wrong on a node, and one that says what to do. */
export function explainProblem(
  { code, path }: FoundProblem,
  subject: NodeSubject,
  status: NodeStatus,
): Problem {
  const { node, cluster, registry, distribution } = subject;
  const version = status.config_version === '3' || /^[2-9]/.test(status.containerd_version) ? 3 : 2;
  const lines = configPathLines(version, containerdConfigPath);
  const allow = `berth cluster set ${cluster} --set-config-path`;
  const rancher = distribution === 'k3s' || distribution === 'rke2';
  if (rancher && isMissingPath(code, status)) {
    return explainProblem({ code: 'generated', path }, subject, status);
  }
  switch (code) {
    case 'config-path':
      return {
        message: `containerd on ${node} looks for registries in no folder: ${path} names no config_path.`,
        cure: `Let Berth set it with: ${allow}. Or put this into ${path} and restart containerd:\n${lines}`,
      };
    case 'legacy':
      return {
        message: `${path} on ${node} has registry.mirrors or registry.configs, beside which containerd takes no config_path.`,
        cure: `Move them into hosts.toml files below ${containerdConfigPath}, put this in their place and restart containerd:\n${lines}`,
      };
    case 'generated':
      return {
        message: `${distribution} on ${node} writes ${path} anew at each start, and names no config_path in it.`,
        cure: `Have a template of yours beside that file, if there is one, begin with {{ template "base" . }}; or update ${distribution}, which names one since 1.26.13, 1.27.10, 1.28.6 and 1.29.1.`,
      };
    case 'config-version':
    case 'config-shape':
    case 'config-refused':
      return {
        message: `${path} on ${node} is written in a way that Berth does not change: ${configReasons[code]}.`,
        cure: `Put this into it by hand and restart containerd:\n${lines}`,
      };
    case 'foreign':
      if (rancher && path.startsWith(`${status.config_path}/`)) {
        return {
          message: `${path} on ${node} was made by ${distribution}, or by somebody else, and is left as it is.`,
          cure: `Take ${registry} out of /etc/rancher/${distribution}/registries.yaml if it stands there, then take the folder away on the node: Berth lays down its own within seconds. ${distribution} would make it again at its next start.`,
        };
      }
      return {
        message: `${path} on ${node} was made by somebody else, and is left as it is.`,
        cure: `Take it away on the node, with berth trust ${registry} --remove or by hand: Berth lays down its own within seconds.`,
      };
    case 'link':
      return {
        message: `${path} on ${node} is a symbolic link that leads nowhere.`,
        cure: 'Correct the link on the node: Berth looks again within seconds.',
      };
    case 'unwritable':
      if (path.startsWith('/') && !writableFolders.some((each) => path.startsWith(`${each}/`))) {
        return {
          message: `${path} on ${node} lies in none of the folders in which Berth writes on a node: ${writableFolders.join(' and ')}.`,
          cure: 'Mount it below /var, or have the runtime look below /etc.',
        };
      }
      return {
        message: `${path} on ${node} cannot be written: its disk may be full or read-only.`,
        cure: 'Make room on the node, or make the folder writable: Berth tries again within seconds.',
      };
    case 'restart':
      return path === 'kubelet'
        ? {
            message: `The kubelet of ${node} has not been started anew since its configuration was changed.`,
            cure: restartCure(distribution, node),
          }
        : {
            message: `containerd on ${node} has not been started anew since its config_path was set.`,
            cure: 'There is no systemd that Berth could ask. Restart containerd on the node: its pods run on.',
          };
    case 'kept':
      return {
        message: `${path} on ${node} holds files of somebody else, and was not taken away.`,
        cure: 'Take it away by hand if nobody needs them.',
      };
    case 'changed':
      return {
        message: `${path} on ${node} was changed by somebody since Berth changed it, and is left as it is.`,
        cure: 'Take out by hand what names berth; what it was before lies in /var/lib/berth-node.',
      };
    case 'kubelet-version':
      return {
        message: `The kubelet of ${node} is older than 1.34, or does not say what it is: it might not start with a credential provider that hands on ServiceAccount tokens.`,
        cure: 'Update the node; until then its pods pull by pull secrets.',
      };
    case 'flags':
      return {
        message: `Berth does not know where the kubelet of ${node} gets its flags from, or there are such flags already.`,
        cure: `Start it with: ${kubeletFlags(providerPlaces).join(' ')}`,
      };
    case 'provider-config':
      return {
        message: `${path} on ${node} cannot be read, or is too large.`,
        cure: "Correct it, or take it out of the kubelet's flags.",
      };
    default:
      return {
        message: `The node ${node} reports ${code} of ${path}.`,
        cure: 'Look at the log of its pod of the DaemonSet berth-node in the namespace berth.',
      };
  }
}

/** Whether it says that containerd's configuration names no folder. */
function isMissingPath(code: string, { config_path }: NodeStatus): boolean {
  return code === 'legacy' || (code === 'config-path' && config_path === '');
}

const configReasons = {
  'config-version': 'it is of version 1 or of none',
  'config-shape': 'the registry settings stand in one line',
  'config-refused': 'the containerd of the node refused the change',
} as const;
