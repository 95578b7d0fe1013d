import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

/** A PostgreSQL server of its own, in a temporary folder, listening on a Unix socket or an address. */
export interface Postgres {
  /** The server's first database. */
  readonly url: string;
  /** Makes an empty database, and resolves to its address. */
  createDatabase(): Promise<string>;
  /** Ends the server as a crash does, with all of its connections. */
  crash(): Promise<void>;
  /** Starts it again after a crash, on the same files and the same socket. */
  start(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

const packages = '/usr/lib/postgresql';

function postgresInstalled(): boolean {
  return binaries() !== undefined;
}

/**
 * For `describe(name, { skip: skipWithoutPostgres() }, …)`.
 * @throws in CI, where nothing may be left out.
 */
export function skipWithoutPostgres(): string | false {
  if (postgresInstalled()) return false;
  const reason = 'PostgreSQL is not installed: `apt-get install postgresql`';
  if (process.env.CI) throw new Error(reason);
  return reason;
}

/**
 * Takes seconds: start one for a file of tests, and make a database for each of them.
 * @param options.address of this machine, for those who cannot reach a Unix socket: they are led
 *   there, to PostgreSQL's own port, with a password
 */
export async function startPostgres(options: { address?: string } = {}): Promise<Postgres> {
  const { address = '' } = options;
  const programs = binaries();
  if (programs === undefined) throw new Error(`No PostgreSQL in ${packages}`);
  const owner = unprivilegedOwner();
  const folder = mkdtempSync(join(tmpdir(), 'berth-postgres-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');

  // A linguistic default order, so that an ordering by bytes is never had by chance.
  const initdb = ['--username=berth', '--auth=trust', '--encoding=UTF8', '--no-sync'];
  const collation = ['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'];
  execFileSync(join(programs, 'initdb'), [...initdb, ...collation, data], {
    ...owner,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  appendFileSync(join(data, 'pg_hba.conf'), 'host all all 0.0.0.0/0 scram-sha-256\n');
  const listening = ['-k', folder, '-c', `listen_addresses=${address}`];
  const launch = () =>
    spawn(join(programs, 'postgres'), ['-D', data, ...listening], {
      ...owner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  let server = launch();
  const endWithTests = () => server.kill('SIGQUIT');
  process.once('exit', endWithTests);
  await ready(server);

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, 'exit');
    server.kill(signal);
    await exit;
  }

  const localUrl = (name: string) =>
    `postgres://berth@localhost/${name}?host=${encodeURIComponent(folder)}`;
  const password = randomUUID();
  const urlOf = (name: string) =>
    address === '' ? localUrl(name) : `postgres://berth:${password}@${address}:5432/${name}`;
  const local = localUrl('postgres');
  if (address !== '') await query(local, `alter role berth password '${password}'`);
  let databases = 0;
  let lastCreation: Promise<unknown> = Promise.resolve();

  return {
    url: urlOf('postgres'),
    async createDatabase() {
      const name = `test_${++databases}`;
      // PostgreSQL copies a template for each of them, and refuses to do so twice at once.
      const creation = lastCreation.then(() => query(local, `create database ${name}`));
      lastCreation = creation.catch(() => {});
      await creation;
      return urlOf(name);
    },
    crash: () => end('SIGQUIT'),
    async start() {
      server = launch();
      await ready(server);
    },
    async stop() {
      process.removeListener('exit', endWithTests);
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function binaries(): string | undefined {
  if (!existsSync(packages)) return undefined;
  return readdirSync(packages)
    .sort((left, right) => Number(right) - Number(left))
    .map((version) => join(packages, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

/** PostgreSQL refuses to run as root. */
function unprivilegedOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function ready(server: ChildProcess): Promise<void> {
  if (!server.stderr) throw new Error('The log of PostgreSQL is not piped');
  const log: string[] = [];
  const lines = createInterface({ input: server.stderr });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (log.length < 100) log.push(line);
      if (line.includes('database system is ready to accept connections')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${log.join('\n')}`)));
  });
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
