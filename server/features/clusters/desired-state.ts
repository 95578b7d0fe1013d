import { createHash } from 'node:crypto';
import type { DesiredState, NamespaceSelector } from '#contract/agent.ts';
import type { Coverage } from './grants/coverage.ts';
import { readSelector, writeSelector } from './grants/selectors.ts';
import { mergeSettings, settingsOf } from './stored-settings.ts';

export interface DesiredCluster {
  readonly name: string;
  /** As the table holds them. */
  readonly settings: string;
}

export interface DesiredRegistry {
  /** As image names begin. */
  readonly name: string;
  /** PEM. */
  readonly authorities: string | undefined;
}

/** All that the agent of a cluster is to bring about. */
export function desiredStateOf(
  cluster: DesiredCluster,
  { name, authorities }: DesiredRegistry,
  coverage: Coverage,
): DesiredState {
  const settings = settingsOf(cluster.settings);
  const state: Omit<DesiredState, 'revision'> = {
    cluster: cluster.name,
    registry: {
      name,
      ...(authorities !== undefined && { authorities }),
      addresses: settings.addresses,
    },
    nodes: {
      ...(settings.node_image !== '' && { image: settings.node_image }),
      setConfigPath: settings.set_config_path,
      credentialProvider: settings.credential_provider,
    },
    pullSecrets: {
      selectors: settings.pull_secrets ? selectorsOf(coverage) : [],
      webhook: settings.webhook,
    },
  };
  const revision = createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 16);
  return { revision, ...state };
}

/** What is wanted of a cluster that is being disconnected, until its agent removes the rest. */
export function leavingStateOf(cluster: DesiredCluster, registry: DesiredRegistry): DesiredState {
  const settings = mergeSettings(cluster.settings, {
    credential_provider: 'off',
    pull_secrets: false,
    webhook: false,
  });
  return desiredStateOf({ ...cluster, settings }, registry, { grants: [], members: [] });
}

/** Every namespace that something is granted to, each selector once. */
function selectorsOf({ grants, members }: Coverage): NamespaceSelector[] {
  const selectors = [
    ...grants.map(({ selector }) => selector),
    ...members.map(
      ({ namespace }): NamespaceSelector =>
        namespace === '*' ? { kind: 'all' } : { kind: 'name', name: namespace },
    ),
  ];
  const texts = new Set(selectors.map(writeSelector));
  return [...texts].sort().map(readSelector);
}
