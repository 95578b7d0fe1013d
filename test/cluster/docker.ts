import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host, HostRunOptions } from '#test/hosts.ts';
import { type Finished, outputOf, type Started, waitFor } from '#test/processes.ts';
import type { ImageArchive } from './images.ts';

export interface Docker {
  readonly host: Host;
  readonly daemon: Started;
  /** Debian's docker with the host's HOME; its certs.d is the host's /etc/docker/certs.d. */
  run(args: readonly string[], options?: HostRunOptions): Promise<Finished>;
  /** A docker command that must succeed; returns its standard output. */
  docker(...args: readonly string[]): Promise<string>;
  /** Brings an image in without a registry. */
  load(image: ImageArchive): Promise<void>;
  stop(): Promise<void>;
}

/** Starts Debian's dockerd in the host; it starts its own containerd. */
export async function startDocker(host: Host): Promise<Docker> {
  await host.write(
    '/etc/docker/daemon.json',
    JSON.stringify({
      'cgroup-parent': `${host.controlGroup}/docker`,
      'exec-opts': ['native.cgroupdriver=cgroupfs'],
      bridge: 'none',
      iptables: false,
      'ip-forward': false,
      'storage-driver': 'overlay2',
    }),
  );
  // The PATH that dockerd looks for its containerd in must not name another release first.
  const daemon = await host.spawn('dockerd', '/usr/sbin/dockerd', [], {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  });
  const runDocker: Docker['run'] = (args, options) => host.run('/usr/bin/docker', args, options);
  const docker: Docker['docker'] = async (...args) =>
    outputOf(await runDocker(args), `docker ${args.join(' ')}`);
  await waitFor(async () => (await runDocker(['version'])).code === 0, {
    what: `dockerd of ${host.name} to answer`,
    programs: [daemon],
  });
  return {
    host,
    daemon,
    run: runDocker,
    docker,
    load: async (image) => {
      const file = join(host.home, '..', 'image.tar');
      await writeFile(file, image.bytes);
      await docker('load', '--input', file);
    },
    stop: () => daemon.stop(),
  };
}
