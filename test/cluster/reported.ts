import type { ClusterNode } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type Bed, clusterName } from './bed.ts';

/** What Berth tells of a node, once it tells what is waited for. */
export function reported(
  { operator }: Bed,
  name: string,
  until: (node: ClusterNode) => boolean,
): Promise<ClusterNode> {
  const read = async () => {
    // A node with a problem has the command fail, with the same answer.
    const said = await operator.host.shell(
      `cd '${repositoryRoot}' && ./berth cluster nodes ${clusterName} --json || true`,
    );
    return (JSON.parse(said) as ClusterNode[]).find((node) => node.name === name);
  };
  return waitFor(read, {
    what: `Berth to tell of ${name} what is waited for`,
    until: (node) => node !== undefined && until(node),
  }) as Promise<ClusterNode>;
}

export function trusted(bed: Bed, name: string): Promise<ClusterNode> {
  return reported(bed, name, ({ trust: { state } }) => state === 'trusted');
}
