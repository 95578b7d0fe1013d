import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.ts';
import { isMissingProgram, lastLines, type RunResult, run } from './run.ts';

const clientPackages = [
  'docker.io',
  'containerd',
  'runc',
  'skopeo',
  'podman',
  'buildah',
  'busybox-static',
  'iproute2',
  'util-linux',
  'iptables',
] as const;

/** What the suites need from Debian. */
export const aptPackages = {
  clients: clientPackages,
  cluster: [...clientPackages, 'etcd-server', 'containernetworking-plugins', 'nginx', 'postgresql'],
  server: ['postgresql', 'strace', 'openssl', 'prometheus'],
  package: ['qemu-user-static'],
  bench: ['postgresql', 'openssl', 'wrk'],
} as const;

/** Installs what is missing; services among the packages are installed but not started. */
export async function ensureDebianPackages(names: readonly string[]): Promise<void> {
  const absent = await missingPackages(names);
  if (absent.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `Packages are missing; as root: apt-get install --no-install-recommends ${absent.join(' ')}`,
    );
  }
  await withLock(
    join(tmpdir(), 'berth-debian-packages.lock'),
    () => report('waiting for another process that installs Debian packages'),
    async (descriptor) => {
      const missing = await missingPackages(names);
      if (missing.length > 0) await install(missing, descriptor);
    },
  );
}

/** Those of the named packages that are not completely installed. */
export async function missingPackages(names: readonly string[]): Promise<readonly string[]> {
  const result = await query(names);
  const installed = new Set(
    result.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.slice(0, line.indexOf(' '))),
  );
  return names.filter((name) => !installed.has(name));
}

async function query(names: readonly string[]): Promise<RunResult> {
  try {
    return await run('dpkg-query', [
      '--show',
      `--showformat=\${Package} \${db:Status-Status}\n`,
      ...names,
    ]);
  } catch (error) {
    if (!isMissingProgram(error)) throw error;
    throw new Error(`This suite needs Debian's packages: run it on Debian 12 or in its container.`);
  }
}

/** The script holds the lock too, since it goes on when this process is killed. */
async function install(names: readonly string[], descriptor: number): Promise<void> {
  const started = performance.now();
  report(`installing ${names.join(', ')}`);
  const script = join(import.meta.dirname, 'install-debian-packages.sh');
  const result = await run('sh', [script, '/usr/sbin/policy-rc.d', ...names], { descriptor });
  if (result.code !== 0) {
    throw new Error(
      `apt-get did not install ${names.join(', ')}; check the network and the package sources.\n` +
        lastLines(`${result.stdout}\n${result.stderr}`),
    );
  }
  report(`installed ${names.length} packages in ${seconds(started)} s`);
}

function seconds(started: number): string {
  return ((performance.now() - started) / 1000).toFixed(1);
}

function report(line: string): void {
  process.stderr.write(`debian: ${line}\n`);
}
