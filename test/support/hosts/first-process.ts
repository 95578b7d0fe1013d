import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  childOf,
  recordedProcess,
  recordProcess,
  start,
  stopRecorded,
  waitFor,
} from '../processes.ts';
import { removeControlGroup } from './control-groups.ts';

export const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Empty at first, and on the machine's own file system, since overlays cannot be stacked. */
const ownFolders = [
  '/usr/local/share/ca-certificates',
  '/var/lib/containerd',
  '/var/lib/docker',
  '/var/lib/containers',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log',
];

const holderRecord = 'first-process.record';

export interface FirstProcess {
  readonly pid: number;
  readonly running: () => boolean;
}

/**
 * The host's namespaces live as long as their first process, which dies with this one. It reaps
 * what the host's daemons leave behind, as any first process must.
 */
export async function startFirstProcess(folder: string, name: string): Promise<FirstProcess> {
  const ready = join(folder, 'ready');
  const script = join(folder, 'first-process.sh');
  const overlays = ['/etc', '/opt', '/var/lib'].map((lower) => {
    const own = join(folder, 'overlay', lower);
    const options = `lowerdir=${lower},upperdir=${own}/upper,workdir=${own}/work`;
    return `mkdir -p ${own}/upper ${own}/work\nmount -t overlay overlay -o ${options} ${lower}`;
  });
  const binds = ownFolders.map((path) => {
    const own = join(folder, 'disk', path);
    return `mkdir -p ${own} ${path}\nmount --bind ${own} ${path}`;
  });
  await writeFile(
    script,
    `set -eu
hostname ${name}
${overlays.join('\n')}
${binds.join('\n')}
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
mount --make-rshared /
: >${ready}
while :; do sleep 1000000 & wait; done
`,
  );
  const namespaces = ['--mount', '--net', '--pid', '--uts', '--ipc', '--fork', '--mount-proc'];
  const holder = await start(folder, {
    name: 'holder',
    command: 'setpriv',
    args: [
      ...['--pdeathsig', 'KILL', 'unshare', '--kill-child=KILL', ...namespaces],
      ...['sh', script],
    ],
    cwd: '/',
    env: { PATH: systemPath },
  });
  await waitFor(() => readFile(ready).then(() => true), {
    what: `the host ${name} to have its mounts`,
    programs: [holder],
  });
  const pid = childOf(holder.pid);
  if (pid === undefined) throw new Error(`The host ${name} ended at once: ${holder.log}`);
  await recordProcess(join(folder, holderRecord), pid);
  return { pid, running: holder.running };
}

/** The kernel lets go of a first process only when all others in its namespace are gone. */
export async function endHost(bed: string, folder: string, name: string): Promise<void> {
  const record = join(folder, holderRecord);
  const pid = await recordedProcess(record);
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  await waitFor(async () => (await recordedProcess(record)) === undefined, {
    what: `all processes of the host ${name} to be gone`,
  });
  await stopRecorded(folder);
  await removeControlGroup(bed, name);
  await rm(folder, { recursive: true, force: true });
}
