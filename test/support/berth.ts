import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Host } from './hosts.ts';
import { type Started, waitFor } from './processes.ts';
import { repositoryRoot } from './suite.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface BerthReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface BerthRequest {
  readonly method?: string;
  readonly as?: Credentials;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is no bytes is sent as JSON. */
  readonly body?: Uint8Array | object;
}

/** A Berth that runs on a host of the bed, as its operator starts it. */
export interface Berth {
  readonly program: Started;
  /** As image names begin: `host[:port]`. */
  readonly name: string;
  /** What every client has to be given, as PEM. */
  readonly authority: string;
  /** Has its authority changed: asks for it anew. */
  readAuthority(): Promise<void>;
  /** SHA-256 of the authority, as the start printed it. */
  readonly fingerprint: string;
  readonly admin: Credentials;
  /** Speaks to it over TLS, by its name. */
  request(path: string, options?: BerthRequest): Promise<BerthReply>;
  /** Waits until it has logged a line that matches, which it does within a second of the request. */
  hasLogged(line: RegExp): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface BerthDescription {
  /** What `npm start` is: `./berth serve` by default. */
  readonly command?: readonly [string, ...string[]];
  /** Where clients reach it; `https://localhost:5000` by default, as its own default is. */
  readonly url?: string;
  readonly dataFolder?: string;
  /** Of the first admin; by default Berth makes one up and prints it. */
  readonly adminPassword?: string;
  /** Further settings, as BERTH_… variables. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts this clone's Berth in the host; it answers when this resolves. */
export async function startBerth(
  host: Host,
  {
    command = ['./berth', 'serve'],
    url,
    dataFolder = join(host.home, 'berth-data'),
    adminPassword,
    settings = {},
  }: BerthDescription = {},
): Promise<Berth> {
  const address = new URL(url ?? 'https://localhost:5000');
  // The clone runs on whatever Node.js is found first.
  await host.install({ node: process.execPath });
  const inClone = `cd '${repositoryRoot}' && exec "$@"`;
  const program = await host.spawn('berth', 'sh', ['-c', inClone, 'sh', ...command], {
    BERTH_DATA: dataFolder,
    ...(url !== undefined && { BERTH_URL: url, BERTH_PORT: address.port || '443' }),
    ...(adminPassword !== undefined && { BERTH_ADMIN_PASSWORD: adminPassword }),
    ...settings,
  });
  const log = () => readFile(program.log, 'utf8');
  // The packages may have to be installed first.
  const printed = await waitFor(log, {
    what: 'Berth to say where it serves',
    until: (text) => /^Next:$/m.test(text),
    limit: 300_000,
    programs: [program],
  });
  const fingerprint = /^ +authority +([0-9A-F:]{95})$/m.exec(printed)?.[1];
  const password = adminPassword ?? /^ +password +(\S+)/m.exec(printed)?.[1];
  if (fingerprint === undefined || password === undefined) {
    throw new Error(`The start printed no fingerprint, or no password:\n${printed}`);
  }
  const readAuthority = () => host.exec('curl', '-fsSk', `${address.origin}/ca.crt`);
  let authority = await readAuthority();
  if (new X509Certificate(authority).fingerprint256 !== fingerprint) {
    throw new Error(`/ca.crt is not the authority ${fingerprint} that the start printed.`);
  }
  const place = { address: host.address, port: Number(address.port || '443'), url: address };
  return {
    program,
    name: address.host,
    get authority() {
      return authority;
    },
    readAuthority: async () => {
      authority = await readAuthority();
    },
    fingerprint,
    admin: { username: 'admin', password },
    request: (path, options) => send(place, authority, path, options),
    async hasLogged(line) {
      const matches = async () => (await log()).split('\n').filter((one) => line.test(one));
      return await waitFor(matches, {
        what: `Berth to log a line like ${line}`,
        until: (lines) => lines.length > 0,
        limit: 15_000,
        programs: [program],
      });
    },
    stop: () => program.stop(),
  };
}

interface Place {
  readonly address: string;
  readonly port: number;
  readonly url: URL;
}

function send(
  { address, port, url }: Place,
  authority: string,
  path: string,
  { method = 'GET', as, headers = {}, body }: BerthRequest = {},
): Promise<BerthReply> {
  const isJson = body !== undefined && !(body instanceof Uint8Array);
  const content = isJson ? Buffer.from(JSON.stringify(body)) : body;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: address,
        port,
        servername: url.hostname,
        ca: authority,
        path,
        method,
        headers: {
          host: url.host,
          ...(as === undefined ? {} : { authorization: basic(as) }),
          ...(isJson ? { 'content-type': 'application/json' } : {}),
          ...(content === undefined ? {} : { 'content-length': content.byteLength }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string | undefined>,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(content);
  });
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
