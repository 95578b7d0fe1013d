import type { GrantShare, GrantSource, ProjectShare } from '#features/auth';
import { selects } from '#kubernetes/namespace-selection.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { Database } from '#server/database/database.ts';
import type { Principal } from '#server/permissions/principals.ts';
import { roles } from '#server/permissions/roles.ts';
import type { CoverageOf } from './coverage.ts';
import { prepareNamespaceLabels } from './queries.ts';

const nothing: GrantShare = {};

type Workload = Extract<Principal, { kind: 'workload' }>;

/** What is granted to the namespaces of clusters by name, by labels as reported, or to all. */
export function createNamespaceGrants(database: Database, coverageOf: CoverageOf): GrantSource {
  const labelsOf = prepareNamespaceLabels(database);

  function share(
    { cluster, namespace }: Workload,
    asked: readonly string[] | 'all',
  ): MaybePromise<GrantShare> {
    return chain(coverageOf(cluster), ({ grants }) => {
      const concerned =
        asked === 'all' ? grants : grants.filter(({ project }) => asked.includes(project));
      if (concerned.length === 0) return nothing;
      return chain(labelsOf(cluster, namespace), (row) => {
        const labels = row === undefined ? undefined : JSON.parse(row.labels);
        const projects = new Map<string, ProjectShare>();
        for (const { project, role, selector } of concerned) {
          if (!selects(selector, { name: namespace, labels })) continue;
          const earlier = projects.get(project)?.role;
          if (earlier === undefined || roles.indexOf(earlier) < roles.indexOf(role)) {
            projects.set(project, { role });
          }
        }
        return { projects };
      });
    });
  }

  return {
    grantsOf: (principal, asked) =>
      principal.kind === 'workload' ? share(principal, asked) : nothing,
  };
}
