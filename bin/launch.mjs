// Runs a TypeScript file of this clone on the Node that package-lock.json names, whatever Node
// started this one: plain JavaScript on purpose, so that an older Node can read it.
//
//   node bin/launch.mjs [--development] FILE [ARGUMENT ...]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules', '.bin', 'node');
const stamp = join(root, 'node_modules', '.berth-install.json');

const development = process.argv[2] === '--development';
const [file, ...rest] = process.argv.slice(development ? 3 : 2);

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

if (!installed()) install();

// What this machine was made to trust counts for what runs here too.
const child = spawn(node, ['--use-system-ca', join(root, file), ...rest], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${node} could not be started: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
