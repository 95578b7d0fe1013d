import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Host } from '#test/hosts.ts';
import { outputOf, type Started, waitFor } from '#test/processes.ts';
import { type ImageArchive, sandboxImage } from './images.ts';

/** 1.6 is Debian's; 2.4 is built by the test tools. */
export type ContainerdVersion = '1.6' | '2.4';

export interface Containerd {
  readonly daemon: Started;
  /** Its pods run on meanwhile. */
  restart(): Promise<void>;
  /** Brings an image in without a registry. */
  load(image: ImageArchive): Promise<void>;
  ctr(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface ContainerdChoice {
  /** False: its configuration names no folder where registries' certificates are looked for. */
  readonly configPath?: boolean;
  /** The image of its sandboxes. */
  readonly sandbox?: string;
  /** Its configuration, where that is not at its usual place; certs.d lies beside it. */
  readonly file?: string;
}

const usualFile = '/etc/containerd/config.toml';

export const containerdSocket = '/run/containerd/containerd.sock';
/** Built into each node's runtime before its first pod; it holds no shell. */
const usualSandbox = 'registry.k8s.io/pause:3.10';

/** Starts containerd in the host at its usual places; the tools' folder holds release 2.4. */
export async function startContainerd(
  host: Host,
  version: ContainerdVersion,
  tools: string,
  { configPath = true, sandbox = usualSandbox, file = usualFile }: ContainerdChoice = {},
): Promise<Containerd> {
  await host.write(file, configuration(version, { configPath, sandbox, file }));
  // Where the operator, or Berth, puts what makes the runtime trust a registry.
  if (configPath) await host.exec('mkdir', '-p', join(dirname(file), 'certs.d'));
  const bin = version === '1.6' ? '/usr/bin' : tools;
  const [program, args] =
    file === usualFile ? [join(bin, 'containerd'), []] : ['containerd', ['-c', file]];
  const startDaemon = () =>
    host.spawn('containerd', program, args, { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` });
  let daemon = await startDaemon();
  const ctr: Containerd['ctr'] = async (...args) =>
    outputOf(
      await host.run(join(bin, 'ctr'), ['--namespace=k8s.io', ...args]),
      `${host.name}# ctr ${args.join(' ')}`,
    );
  const answers = () =>
    waitFor(() => ctr('version'), {
      what: `containerd of ${host.name} to answer`,
      programs: [daemon],
    });
  await answers();
  const load: Containerd['load'] = async (image) => {
    const file = join(host.home, '..', `image-${image.digest.slice(-12)}.tar`);
    await writeFile(file, image.bytes);
    await ctr('images', 'import', file);
  };
  await load(await sandboxImage(sandbox));
  return {
    get daemon() {
      return daemon;
    },
    restart: async () => {
      await daemon.stop();
      daemon = await startDaemon();
      await answers();
    },
    load,
    ctr,
    stop: async () => {
      await killTasks(ctr);
      await daemon.stop();
    },
  };
}

async function killTasks(ctr: Containerd['ctr']): Promise<void> {
  const tasks = (await ctr('tasks', 'list', '--quiet')).split('\n').filter(Boolean);
  // One that ended by itself meanwhile is as good as killed.
  await Promise.allSettled(
    tasks.map((task) => ctr('tasks', 'kill', '--all', '--signal=KILL', task)),
  );
}

function configuration(
  version: ContainerdVersion,
  { configPath: hasConfigPath, sandbox, file }: Required<ContainerdChoice>,
): string {
  const configPath = hasConfigPath ? `config_path = "${join(dirname(file), 'certs.d')}"` : '';
  if (version === '1.6') {
    return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandbox}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    ${configPath}
`;
  }
  return `version = 3
[plugins."io.containerd.cri.v1.images"]
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "${sandbox}"
  [plugins."io.containerd.cri.v1.images".registry]
    ${configPath}
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "/etc/cni/net.d"
`;
}
