import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Host } from '#test/hosts.ts';
import { type Started, waitFor } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';

export const registryName = 'registry.berth.test';

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
  readonly body?: Uint8Array | object;
}

/** A Berth that runs on a host of its own, as its operator starts it. */
export interface Berth {
  readonly program: Started;
  /** What every client has to be given, as PEM. */
  readonly authority: string;
  readonly admin: Credentials;
  /** Speaks to it over TLS, by its name. A body that is no bytes is sent as JSON. */
  request(path: string, options?: BerthRequest): Promise<BerthReply>;
}

const admin: Credentials = { username: 'admin', password: 'ships-need-berths' };

export async function startBerth(host: Host): Promise<Berth> {
  const program = await host.spawn(
    'berth',
    process.execPath,
    [join(repositoryRoot, 'bin/berth.ts'), 'serve', '--data', join(host.home, 'data')],
    {
      BERTH_URL: `https://${registryName}`,
      BERTH_PORT: '443',
      BERTH_ADMIN_PASSWORD: admin.password,
    },
  );
  const authority = await waitFor(
    () => host.exec('curl', '-fsSk', `https://${registryName}/ca.crt`),
    { what: 'Berth to answer', programs: [program] },
  );
  return {
    program,
    authority,
    admin,
    request: (path, options) => send(host.address, authority, path, options),
  };
}

/** What the server has logged, to be shown when a client fails for no reason that it tells. */
export function logOf(berth: Berth): Promise<string> {
  return readFile(berth.program.log, 'utf8');
}

function send(
  address: string,
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
        servername: registryName,
        ca: authority,
        path,
        method,
        headers: {
          host: registryName,
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
