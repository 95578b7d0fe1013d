import type { Host } from './hosts.ts';
import { repositoryRoot } from './suite.ts';

/** What is written into the clone of Berth stays on the host. */
export async function haveOwnClone(host: Host): Promise<void> {
  const options = `lowerdir=${repositoryRoot},upperdir=$HOME/clone/upper,workdir=$HOME/clone/work`;
  await host.shell(
    `mkdir -p ~/clone/upper ~/clone/work && mount -t overlay overlay -o ${options} ${repositoryRoot}`,
  );
}
