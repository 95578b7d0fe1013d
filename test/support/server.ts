import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeServer } from '#server/app/compose.ts';
import { readConfig } from '#server/config/config.ts';
import type { SettingKey } from '#server/config/settings.ts';
import { createLog } from '#server/telemetry/log.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  json(): unknown;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | string;
  /** `user:password`, sent by Basic authentication. */
  readonly as?: string;
  readonly token?: string;
}

/** A whole Berth on a temporary folder and a free port, spoken to over TLS with its own authority. */
export interface TestServer {
  readonly host: string;
  readonly origin: string;
  /** PEM. */
  readonly authority: string;
  readonly folder: string;
  /** `admin:PASSWORD`. */
  readonly admin: string;
  request(path: string, options?: RequestOptions): Promise<Reply>;
  stop(): Promise<void>;
}

const adminPassword = 'berths-are-for-ships';

/**
 * @param settings as flags; `data` is a temporary folder unless it is given
 * @param environment variables besides those
 * @param log of errors, on standard output by default
 */
export async function startServer(
  settings: { readonly [Key in SettingKey]?: string } = {},
  environment: Readonly<Record<string, string>> = {},
  log = createLog('error'),
): Promise<TestServer> {
  const folder = settings.data ?? mkdtempSync(join(tmpdir(), 'berth-'));
  const config = await readConfig(
    { data: folder, host: '127.0.0.1', port: '0', adminPassword, ...settings },
    environment,
  );
  const server = await composeServer(config, log);
  const listener = await server.listener.listen({ host: config.host, port: config.port });
  const authority = server.certificates.authority() ?? '';
  const host = `localhost:${listener.port}`;
  const agent = new Agent({ ca: authority, keepAlive: true });
  return {
    host,
    origin: `https://${host}`,
    authority,
    folder,
    admin: `admin:${adminPassword}`,
    request: (path, options = {}) => send(agent, listener.port, path, options),
    async stop() {
      agent.destroy();
      await listener.close({ drainMilliseconds: 5_000 });
      await server.close();
      if (settings.data === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function send(
  agent: Agent,
  port: number,
  path: string,
  { method = 'GET', headers = {}, body, as, token }: RequestOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path,
        method,
        headers: {
          host: `localhost:${port}`,
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...(as === undefined ? {} : { authorization: `Basic ${btoa(as)}` }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const content = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string | undefined>,
            body: content,
            json: () => JSON.parse(content.toString('utf8')),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
