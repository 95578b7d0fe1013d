import type { Cluster } from '#contract/clusters.ts';
import type { Api } from '../api.ts';
import { CommandFailure, UsageFailure } from '../failure.ts';
import { clustersPath } from './paths.ts';

/** Of those that are told where none was named. */
const mostNames = 10;

/**
 * The cluster that is meant: the one that is named, or the only one that there is.
 * @throws {CommandFailure | UsageFailure}
 */
export async function whichCluster(api: Api, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const names = (await api.list<Cluster>(clustersPath)).map(({ name }) => name);
  const [only, ...more] = names;
  if (only === undefined) {
    throw new CommandFailure('No cluster is connected: run berth cluster connect NAME.');
  }
  if (more.length === 0) return only;
  const told = names.slice(0, mostNames).join(', ');
  throw new UsageFailure(
    `Name the cluster: ${told}${names.length > mostNames ? ', … (berth cluster list has them all)' : ''}.`,
  );
}
