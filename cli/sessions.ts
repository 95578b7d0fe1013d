import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import type { Environment } from './environment.ts';
import { CommandFailure, reasonOf, UsageFailure } from './failure.ts';
import { parseServerAddress } from './server-address.ts';

/** How this machine signs in to one server. */
export interface Session {
  readonly protocol: 'http' | 'https';
  readonly username: string;
  /** An access token made for this machine, or the secret of a robot. */
  readonly secret: string;
  /** Of the access token, to delete it when signing out; absent for a robot. */
  readonly tokenId?: number;
  /** PEM; absent where the system's own authorities will do. */
  readonly authority?: string;
}

interface SessionFile {
  /** The server last signed in to. */
  readonly current?: string;
  readonly servers: Readonly<Record<string, Session>>;
}

export interface NamedSession extends Session {
  /** `host[:port]` */
  readonly server: string;
}

function fileOf({ configFolder }: Environment): string {
  return join(configFolder, 'config.json');
}

/** @throws {CommandFailure} */
async function readFileOf(environment: Environment): Promise<SessionFile> {
  const path = fileOf(environment);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { servers: {} };
    throw new CommandFailure(`${path} cannot be read: ${reasonOf(error)}.`);
  }
  try {
    const content: unknown = JSON.parse(text);
    if (isSessionFile(content)) return content;
  } catch {
    // Said below.
  }
  throw new CommandFailure(
    `${path} is not what berth wrote there: delete it, and sign in again with berth login HOST.`,
  );
}

function isSessionFile(content: unknown): content is SessionFile {
  if (typeof content !== 'object' || content === null || !('servers' in content)) return false;
  const { servers } = content;
  if (typeof servers !== 'object' || servers === null) return false;
  return Object.values(servers).every(
    (session) =>
      typeof session?.username === 'string' &&
      typeof session.secret === 'string' &&
      (session.protocol === 'http' || session.protocol === 'https'),
  );
}

/** Readable by its owner only, and never half written. */
async function write(environment: Environment, content: SessionFile) {
  const path = fileOf(environment);
  const temporary = `${path}.${randomUUID()}`;
  try {
    await mkdir(environment.configFolder, { recursive: true, mode: 0o700 });
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written: ${reasonOf(error)}.`);
  }
}

export async function saveSession(environment: Environment, { server, ...session }: NamedSession) {
  const { servers } = await readFileOf(environment);
  await write(environment, { current: server, servers: { ...servers, [server]: session } });
}

export async function forgetSession(environment: Environment, server: string) {
  const { current, servers } = await readFileOf(environment);
  const { [server]: _, ...others } = servers;
  const [next] = Object.keys(others);
  const kept = current === server ? next : current;
  await write(environment, { ...(kept !== undefined && { current: kept }), servers: others });
}

/** The stored session with `server`, or with the one last signed in to. */
export async function storedSession(
  environment: Environment,
  server?: string,
): Promise<NamedSession | undefined> {
  const { current, servers } = await readFileOf(environment);
  const name = server ?? current;
  const session = name === undefined ? undefined : servers[name];
  return name === undefined || session === undefined ? undefined : { server: name, ...session };
}

/**
 * The session that commands use: the environment's, else the stored one.
 * @throws {CommandFailure | UsageFailure}
 */
export async function currentSession(environment: Environment): Promise<NamedSession> {
  const address =
    environment.server === undefined ? undefined : parseServerAddress(environment.server);
  const stored = await storedSession(environment, address?.name);
  if (environment.token !== undefined) {
    const server = address?.name ?? stored?.server;
    if (server === undefined) {
      throw new UsageFailure(
        'BERTH_TOKEN is set, but no server is: set BERTH_SERVER to HOST or HOST:PORT.',
      );
    }
    const protocol = address?.protocol ?? stored?.protocol ?? 'https';
    return {
      server,
      protocol,
      ...credentialsOf(environment.token, stored),
      ...(stored?.authority !== undefined && { authority: stored.authority }),
    };
  }
  if (stored !== undefined) return stored;
  throw new CommandFailure(
    address === undefined
      ? 'You are not signed in: run berth login HOST.'
      : `You are not signed in to ${address.name}: run berth login ${address.name}.`,
  );
}

function credentialsOf(token: string, stored: Session | undefined) {
  const colon = token.indexOf(':');
  if (colon > 0) return { username: token.slice(0, colon), secret: token.slice(colon + 1) };
  if (stored !== undefined) return { username: stored.username, secret: token };
  throw new UsageFailure('BERTH_TOKEN does not say whose token it is: write NAME:TOKEN.');
}
