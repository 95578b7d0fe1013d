import { isClusterName, nameRules } from '#contract/names.ts';
import { UsageFailure } from '../failure.ts';

export const clustersPath = '/clusters';

/** @throws {UsageFailure} for what cannot name a cluster */
export function clusterPath(name: string, ...rest: readonly string[]): string {
  if (!isClusterName(name)) {
    throw new UsageFailure(
      `${JSON.stringify(name.slice(0, 80))} cannot name a cluster: it must ${nameRules.cluster}.`,
    );
  }
  return [clustersPath, name, ...rest.map(encodeURIComponent)].join('/');
}
