import { createHash } from 'node:crypto';
import type { DesiredState, NamespaceSelector } from '#contract/agent.ts';
import { parseWorkloadPattern } from '#contract/names.ts';
import type { Reader } from '#server/database/database.ts';
import { coverageOf } from './connection-queries.ts';
import { settingsOf } from './stored-settings.ts';

export interface DesiredCluster {
  readonly id: number;
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
export async function desiredStateOf(
  read: Reader,
  cluster: DesiredCluster,
  { name, authorities }: DesiredRegistry,
): Promise<DesiredState> {
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
      selectors: settings.pull_secrets ? await selectorsOf(read, cluster) : [],
      webhook: settings.webhook,
    },
  };
  const revision = createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 16);
  return { revision, ...state };
}

/**
 * Every namespace that something is granted to. Members that are one ServiceAccount are left out:
 * what a namespace's Secret opens, all of its pods may use.
 */
async function selectorsOf(read: Reader, cluster: DesiredCluster): Promise<NamespaceSelector[]> {
  const { selectors, workloads } = await coverageOf(read, cluster);
  const all = new Set(selectors);
  for (const workload of workloads) {
    const pattern = parseWorkloadPattern(workload);
    if (pattern?.serviceAccount !== '*') continue;
    const { namespace } = pattern;
    const selector: NamespaceSelector =
      namespace === '*' ? { kind: 'all' } : { kind: 'name', name: namespace };
    all.add(JSON.stringify(selector));
  }
  return [...all].sort().map((selector) => JSON.parse(selector) as NamespaceSelector);
}
