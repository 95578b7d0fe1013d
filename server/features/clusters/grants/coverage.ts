import type { NamespaceSelector } from '#contract/agent.ts';
import { parseWorkloadPattern } from '#contract/names.ts';
import { memberWorkloads } from '#features/projects';
import { type SelectableNamespace, selects } from '#kubernetes/namespace-selection.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { Database, Reader } from '#server/database/database.ts';
import { grantGenerationOf } from '#server/database/generations.ts';
import type { Role } from '#server/permissions/roles.ts';
import { allGrants } from './queries.ts';
import { readSelector } from './selectors.ts';

export interface ClusterGrantEntry {
  readonly project: string;
  readonly selector: NamespaceSelector;
  readonly role: Role;
}

/** Whom whole namespaces of one cluster may pull from. */
export interface Coverage {
  readonly grants: readonly ClusterGrantEntry[];
  /** Of all ServiceAccounts of a namespace, or of all namespaces (`*`). */
  readonly members: readonly { readonly namespace: string }[];
}

/** The coverage of a cluster as the database says at this moment. */
export type CoverageOf = (cluster: string) => MaybePromise<Coverage>;

const nothing: Coverage = { grants: [], members: [] };

interface Loading {
  readonly generation: number;
  readonly all: Promise<Coverages>;
  /** Once they are there. */
  coverages?: Coverages;
}

/** Read anew once the generation of grants is another. */
export function createCoverage(database: Database): CoverageOf {
  const readGeneration = grantGenerationOf(database);
  let latest: Loading | undefined;

  function load(generation: number): Loading {
    const loading: Loading = { generation, all: loadAll(database.read) };
    loading.all.then(
      (coverages) => {
        loading.coverages = coverages;
      },
      () => {
        if (latest === loading) latest = undefined;
      },
    );
    return loading;
  }

  return (cluster) =>
    chain(readGeneration(), (generation) => {
      if (latest?.generation !== generation) latest = load(generation);
      return chain(latest.coverages ?? latest.all, (all) => all.get(cluster) ?? nothing);
    });
}

type Coverages = ReadonlyMap<string, Coverage>;
type MemberEntry = Coverage['members'][number];

async function loadAll(read: Reader): Promise<Coverages> {
  const [grants, memberships] = await Promise.all([allGrants(read), memberWorkloads(read)]);
  const coverages = new Map<string, { grants: ClusterGrantEntry[]; members: MemberEntry[] }>();
  const ofCluster = (cluster: string) => {
    const coverage = coverages.get(cluster) ?? { grants: [], members: [] };
    coverages.set(cluster, coverage);
    return coverage;
  };
  for (const { cluster, selector, ...grant } of grants) {
    ofCluster(cluster).grants.push({ ...grant, selector: readSelector(selector) });
  }
  for (const workload of memberships) {
    const pattern = parseWorkloadPattern(workload);
    if (pattern?.serviceAccount !== '*') continue;
    ofCluster(pattern.cluster).members.push({ namespace: pattern.namespace });
  }
  return coverages;
}

/** Whether anything is granted to the namespace. */
export function isCovered(coverage: Coverage, namespace: SelectableNamespace): boolean {
  return (
    coverage.grants.some(({ selector }) => selects(selector, namespace)) ||
    coverage.members.some((member) => isMember(member, namespace))
  );
}

function isMember(member: MemberEntry, { name }: SelectableNamespace): boolean {
  return member.namespace === '*'
    ? selects({ kind: 'all' }, { name, labels: undefined })
    : member.namespace === name;
}
