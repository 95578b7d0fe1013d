import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What images of one platform are made from. */
export interface Platform {
  readonly architecture: 'amd64' | 'arm64';
  /** Paths: of Node.js, and of the system whose libraries it uses. */
  readonly node: string;
  readonly root: string;
}

const processorOf = { amd64: 'x64', arm64: 'arm64' } as const;

export const ownArchitecture = process.arch === 'x64' ? 'amd64' : 'arm64';

/** This machine's own. */
export function ownPlatform(): Platform {
  return { architecture: ownArchitecture, node: process.execPath, root: '/' };
}

/** Of Debian: what Node.js is linked with. */
const libraryPackages = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1'];
const release = 'bookworm';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Another platform's, downloaded into `folder`: Node.js from the npm registry, as package-lock.json
 * names it by checksum, and Debian's libraries by apt, which checks Debian's signatures.
 * @param repository this clone
 * @throws {Error} where one of them cannot be had
 */
export async function downloadPlatform(
  architecture: Platform['architecture'],
  folder: string,
  repository: string,
): Promise<Platform> {
  await mkdir(folder, { recursive: true });
  const [node, root] = await Promise.all([
    downloadNode(architecture, folder, repository),
    downloadLibraries(architecture, folder),
  ]);
  return { architecture, node, root };
}

async function downloadNode(
  architecture: Platform['architecture'],
  folder: string,
  repository: string,
): Promise<string> {
  const name = `node-linux-${processorOf[architecture]}`;
  const lock = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8'));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  const options = ['--pack-destination', folder, '--loglevel=error'];
  await execute('npm', ['pack', `${name}@${version}`, ...options]);
  const archive = join(folder, `${name}-${version}.tgz`);
  const checksum = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (`sha512-${checksum}` !== integrity) {
    throw new Error(`${name}@${version} is not what package-lock.json names: ${checksum}.`);
  }
  await execute('tar', ['--extract', '--gzip', '--file', archive, '--directory', folder]);
  return join(folder, 'package', 'bin', 'node');
}

async function downloadLibraries(
  architecture: Platform['architecture'],
  folder: string,
): Promise<string> {
  const state = join(folder, 'apt');
  const packages = join(folder, 'packages');
  const root = join(folder, 'root');
  for (const needed of ['lists/partial', 'cache/archives/partial', 'empty']) {
    await mkdir(join(state, needed), { recursive: true });
  }
  for (const needed of [packages, root]) await mkdir(needed, { recursive: true });
  const source = (path: string, suite: string) =>
    `deb [signed-by=${keyring}] http://deb.debian.org/${path} ${suite} main\n`;
  await writeFile(
    join(state, 'sources.list'),
    source('debian', release) + source('debian-security', `${release}-security`),
  );
  await writeFile(join(state, 'status'), '');
  const options = Object.entries({
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': 'root',
    'Acquire::Retries': '3',
    'Acquire::Languages': 'none',
    'Dir::Cache': join(state, 'cache'),
    'Dir::Etc::SourceList': join(state, 'sources.list'),
    'Dir::Etc::SourceParts': join(state, 'empty'),
    'Dir::State::Lists': join(state, 'lists'),
    'Dir::State::Status': join(state, 'status'),
  }).flatMap(([name, value]) => ['--option', `${name}=${value}`]);
  await execute('apt-get', [...options, 'update'], { maxBuffer: 16 * 1024 * 1024 });
  await execute('apt-get', [...options, 'download', ...libraryPackages], { cwd: packages });
  for (const name of await readdir(packages)) {
    await execute('dpkg-deb', ['--extract', join(packages, name), root]);
  }
  return root;
}
