import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { repositoryRoot } from '#test/suite.ts';
import { answers, freePort, type Program, startProgram } from './program.ts';

export interface BerthSettings {
  readonly folder: string;
  readonly databaseUrl?: string;
  readonly workers?: number;
  /** Whether each request is written to the log, as it is by default. */
  readonly accessLog?: boolean;
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

export interface Berth extends Program {
  /** `admin:SECRET` of an access token, which costs no password hash. */
  secret(): Promise<string>;
  /** A registry token of the admin. */
  token(scope: string): Promise<string>;
  /** The REST API as the admin; the answer's JSON. @throws {Error} unless it is a 2xx */
  api(path: string, options?: { method?: string; body?: unknown }): Promise<unknown>;
}

const admin = 'admin:berths-are-for-ships';

/** Begins to start Berth as its operators do, with the settings that it comes with. */
export async function launchBerth(settings: BerthSettings): Promise<Berth> {
  const { folder, databaseUrl, workers, certificate, accessLog = true } = settings;
  const port = await freePort();
  const program = startProgram({
    command: join(repositoryRoot, 'berth'),
    args: ['serve'],
    environment: {
      BERTH_DATA: join(folder, 'berth'),
      BERTH_HOST: '127.0.0.1',
      BERTH_PORT: String(port),
      BERTH_ADMIN_PASSWORD: admin.slice('admin:'.length),
      ...(databaseUrl !== undefined && { BERTH_DATABASE_URL: databaseUrl }),
      ...(!accessLog && { BERTH_LOG_LEVEL: 'warn' }),
      ...(workers !== undefined && { BERTH_WORKERS: String(workers) }),
      ...(certificate !== undefined && {
        BERTH_TLS_CERTIFICATE: certificate.certificate,
        BERTH_TLS_KEY: certificate.key,
      }),
    },
    origin: `http://127.0.0.1:${port}`,
    log: join(folder, `berth-${port}.log`),
  });
  const { origin } = program;

  async function ask(path: string, method = 'GET', body?: unknown): Promise<unknown> {
    const response = await fetch(origin + path, {
      method,
      headers: {
        authorization: `Basic ${btoa(admin)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  return {
    ...program,
    async secret() {
      const path = '/api/v2.0/users/current/tokens';
      const created = await ask(path, 'POST', { name: `bench-${randomUUID()}` });
      return `admin:${(created as { secret: string }).secret}`;
    },
    async token(scope) {
      const query = new URLSearchParams({ service: 'harbor-registry', scope });
      return ((await ask(`/service/token?${query}`)) as { token: string }).token;
    },
    api: (path, { method = 'GET', body } = {}) => ask(`/api/v2.0${path}`, method, body),
  };
}

export async function startBerth(settings: BerthSettings): Promise<Berth> {
  const berth = await launchBerth(settings);
  await answers(berth, '/healthz');
  return berth;
}
