// Runs this clone on the Node that package-lock.json names, whatever Node started this one: plain
// JavaScript on purpose, so that an older Node can read it.
//
//   node bin/launch.mjs [ARGUMENT ...]                      the program, bundled
//   node bin/launch.mjs --development FILE [ARGUMENT ...]   a TypeScript file, from its source
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules', '.bin', 'node');
const stamp = join(root, 'node_modules', '.berth-install.json');
const bundles = join(root, 'node_modules', '.berth-bundles');
const keptBundles = 3;
/** Milliseconds. */
const shortestKept = 3_600_000;

const development = process.argv[2] === '--development';

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

function installed() {
  if (!existsSync(node) || !existsSync(stamp)) return false;
  const last = JSON.parse(readFileSync(stamp, 'utf8'));
  return last.lock === lock && (last.development || !development);
}

function install() {
  const what = development ? 'packages, those for development included' : 'packages';
  process.stderr.write(`Installing the ${what} that package-lock.json names …\n`);
  const started = Date.now();
  const result = spawnSync(
    'npm',
    ['ci', ...(development ? ['--include=dev'] : ['--omit=dev']), '--loglevel=error'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  );
  if (result.error || result.status !== 0 || !existsSync(node)) {
    process.stderr.write(
      'The packages could not be installed: see the lines above, then run `npm ci --include=optional` in ' +
        `${root} by hand.\n`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, JSON.stringify({ lock, development }));
  process.stderr.write(`Installed in ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
}

/** The sources as they are now: a name for what is made of them. */
function sourceState() {
  const hash = createHash('sha256').update(lock);
  const rooms = ['agent', 'bin', 'cli', 'contract', 'kubernetes', 'lib', 'oci', 'server'];
  for (const room of rooms) {
    for (const name of readdirSync(join(root, room), { recursive: true }).sort()) {
      const { mtimeMs, size } = statSync(join(root, room, name));
      hash.update(`${room}/${name} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function bundle() {
  const folder = join(bundles, sourceState());
  if (existsSync(folder)) return folder;
  const result = spawnSync(node, [join(root, 'bin', 'bundle.mjs'), folder], {
    stdio: ['ignore', 2, 2],
  });
  if (result.error || result.status !== 0) {
    process.stderr.write(
      `The program could not be bundled into ${bundles}: see the lines above. Where that folder belongs to somebody else, they run ./berth version once.\n`,
    );
    process.exit(1);
  }
  removeOldBundles();
  return folder;
}

/** Those of programs that still run stay, since a program loads parts of itself late. */
function removeOldBundles() {
  const running = commandLines();
  const made = (name) => statSync(join(bundles, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const ended = (name) => !running.some((command) => command.includes(name));
  const old = readdirSync(bundles)
    .sort((one, other) => made(other) - made(one))
    .slice(keptBundles)
    .filter((name) => made(name) < Date.now() - shortestKept && ended(name));
  for (const name of old) rmSync(join(bundles, name), { recursive: true, force: true });
}

/** Of every process, where /proc tells them. */
function commandLines() {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc').flatMap((id) => {
    if (!/^\d+$/.test(id)) return [];
    try {
      return [readFileSync(`/proc/${id}/cmdline`, 'utf8')];
    } catch {
      return [];
    }
  });
}

if (!installed()) install();

const folder = development ? undefined : bundle();
const command =
  folder === undefined
    ? [join(root, process.argv[3]), ...process.argv.slice(4)]
    : [join(folder, 'berth.js'), ...process.argv.slice(2)];
const options = [
  // What this machine was made to trust counts for what runs here too.
  '--use-system-ca',
  // The server gives back what its start took.
  '--expose-gc',
];
const env = {
  // One pool of glibc's allocator for all threads: those that end leave no pool of their own behind.
  MALLOC_ARENA_MAX: '1',
  // What is large goes back as soon as it is free: what hashes a password takes 19 MB for a moment.
  MALLOC_MMAP_THRESHOLD_: '1048576',
  ...(folder !== undefined && { NODE_COMPILE_CACHE: join(folder, 'compiled') }),
  ...process.env,
};

if (process.execve === undefined) runBelow();
else becomeProgram();

/** This process turns into the program, so that none stays behind to wait for it. */
function becomeProgram() {
  process.removeAllListeners('warning');
  process.execve(node, [node, ...options, ...command], env);
}

function runBelow() {
  const child = spawn(node, [...options, ...command], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
