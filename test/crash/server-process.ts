import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { childOf } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';

export const adminPassword = 'berths-are-for-ships';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** `user:secret` of Basic authentication. */
export type Credential = string;

/** A server in a process of its own, which is there to be killed. */
export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Plain HTTP from loopback. Rejects when the process goes away meanwhile. */
  call(credential: Credential, path: string, call?: Call): Promise<Reply>;
  /** What it logged so far. */
  log(): readonly string[];
  /** Resolves when the process, and all that it had open, is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface ServerSettings {
  readonly folder: string;
  readonly databaseUrl?: string;
  /** What runs: the sources, or a bundle of them, which starts much faster. */
  readonly program?: string;
  /** Processes that answer requests; 1 by default. */
  readonly workers?: string;
  /** How long what nobody needs is kept; a day by default. */
  readonly collectionGrace?: string;
  /** A program, with its arguments, that runs the server: strace. */
  readonly under?: readonly string[];
}

const sources = join(repositoryRoot, 'bin', 'berth.ts');

/** Begins a start; `ready` rejects when the process ends first. */
export function launchServer(settings: ServerSettings) {
  const { folder, databaseUrl, program = sources, workers = '1', under = [] } = settings;
  const { collectionGrace = '24h' } = settings;
  const [command = '', ...args] = [
    ...under,
    join(repositoryRoot, 'node_modules', '.bin', 'node'),
    program,
    ...['serve', '--data', folder, '--host', '127.0.0.1', '--port', '0', '--workers', workers],
    ...(databaseUrl === undefined ? [] : ['--database-url', databaseUrl]),
  ];
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      BERTH_ADMIN_PASSWORD: adminPassword,
      BERTH_LOG_LEVEL: 'warn',
      BERTH_COLLECTION_GRACE: collectionGrace,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const endWithTests = () => child.kill('SIGKILL');
  process.once('exit', endWithTests);
  child.once('close', () => process.removeListener('exit', endWithTests));

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    // strace itself takes no signals while its program runs.
    const proper = under.length === 0 ? undefined : childOf(child.pid ?? 0);
    if (proper === undefined) child.kill(signal);
    else process.kill(proper, signal);
    await closed;
  }

  return { kill, ready: untilReady(child, kill) };
}

export async function startServerProcess(settings: ServerSettings): Promise<ServerProcess> {
  return launchServer(settings).ready;
}

async function untilReady(
  child: ChildProcess,
  kill: ServerProcess['kill'],
): Promise<ServerProcess> {
  const { pid, stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('The server has no output');
  const log: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    for (const stream of [stdout, stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.push(line);
        const listening = / serves .*\(port (\d+),/.exec(line);
        if (listening) resolve(Number(listening[1]));
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) =>
      reject(new Error(`The server ended (${code ?? signal}):\n${log.join('\n')}`)),
    );
  });
  if (pid === undefined) throw new Error('The server has no process');
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  child.once('close', () => agent.destroy());
  return {
    pid,
    port,
    kill,
    log: () => log,
    call: (credential, path, call = {}) => send(agent, port, credential, path, call),
  };
}

function send(
  agent: Agent,
  port: number,
  credential: Credential,
  path: string,
  { method = 'GET', headers = {}, body }: Call,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: {
          host: `localhost:${port}`,
          authorization: `Basic ${btoa(credential)}`,
          ...(body === undefined ? {} : { 'content-length': String(body.length) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string | undefined>,
            body: Buffer.concat(chunks),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A secret that costs the server no password hash: of an access token of the admin. */
export async function createCredential(server: ServerProcess): Promise<Credential> {
  const created = await server.call(`admin:${adminPassword}`, '/api/v2.0/users/current/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ name: `crash-${Date.now()}` })),
  });
  if (created.status !== 201) throw new Error(`No access token: ${created.body}`);
  const { secret } = JSON.parse(created.body.toString('utf8')) as { secret: string };
  return `admin:${secret}`;
}
