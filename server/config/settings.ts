import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

/** A setting that cannot be used. The message names it and says how to mend it. */
export class InvalidSetting extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvalidSetting';
  }
}

const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

const mostWorkers = 128;

interface Setting<Value> {
  readonly environment: string;
  readonly flag?: string;
  /** @throws {Error} what is wrong with the text, to be put after the setting's name */
  readonly read: (text: string) => Value;
}

function setting<Value>(
  environment: string,
  read: (text: string) => Value,
  flag?: string,
): Setting<Value> {
  return { environment, read, ...(flag === undefined ? {} : { flag }) };
}

/** Every setting: its key in berth.yaml, its variable in the environment, its flag. */
export const settings = {
  data: setting('BERTH_DATA', (text) => resolve(text), '--data'),
  host: setting('BERTH_HOST', readAddress, '--host'),
  port: setting('BERTH_PORT', readPort, '--port'),
  url: setting('BERTH_URL', readPublicUrl, '--url'),
  names: setting('BERTH_NAMES', readList),
  workers: setting('BERTH_WORKERS', readWorkers, '--workers'),
  databaseUrl: setting('BERTH_DATABASE_URL', readDatabaseUrl, '--database-url'),
  trustedProxies: setting('BERTH_TRUSTED_PROXIES', readList),
  tlsCertificate: setting('BERTH_TLS_CERTIFICATE', (text) => resolve(text)),
  tlsKey: setting('BERTH_TLS_KEY', (text) => resolve(text)),
  tlsAuthority: setting('BERTH_TLS_AUTHORITY', (text) => resolve(text)),
  secretKey: setting('BERTH_SECRET_KEY', readSecretKey),
  adminPassword: setting('BERTH_ADMIN_PASSWORD', readAdminPassword),
  metricsToken: setting('BERTH_METRICS_TOKEN', readMetricsToken),
  collectionGrace: setting('BERTH_COLLECTION_GRACE', readDuration),
  logLevel: setting('BERTH_LOG_LEVEL', readLogLevel),
} as const;

export type SettingKey = keyof typeof settings;
export type SettingValues = {
  [Key in SettingKey]?: (typeof settings)[Key] extends Setting<infer Value> ? Value : never;
};

function readAddress(text: string): string {
  if (isIP(text) === 0) throw new Error('is not an address: write for instance 0.0.0.0 or ::');
  return text;
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new Error(
      text.startsWith('tcp://')
        ? 'was set by Kubernetes for a Service named berth: set enableServiceLinks: false on the pod'
        : 'is not a port: write a number from 0 to 65535',
    );
  }
  return port;
}

function readWorkers(text: string): number {
  if (text === 'auto') return Math.min(availableParallelism(), mostWorkers);
  const workers = Number(text);
  if (!/^\d{1,3}$/.test(text) || workers < 1 || workers > mostWorkers) {
    throw new Error(
      `is not a number of processes: write a number from 1 to ${mostWorkers}, or auto for one on each processor core`,
    );
  }
  return workers;
}

function readPublicUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Error('is not a URL: write for instance https://registry.example.com');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error('must be scheme, host and port only, since clients reach /v2/ at the root');
  }
  return url;
}

function readList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function readDatabaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')) {
    throw new Error(
      'is not a PostgreSQL URL: write for instance postgres://berth:PASSWORD@database:5432/berth',
    );
  }
  return text;
}

function readSecretKey(text: string): Uint8Array {
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32) {
    throw new Error('is not 32 bytes in base64: make one with openssl rand -base64 32');
  }
  return key;
}

function readAdminPassword(text: string): string {
  if (text.length < 8 || text.length > 128) {
    throw new Error('must have 8 to 128 characters');
  }
  return text;
}

function readMetricsToken(text: string): string {
  if (!/^[\x21-\x7e]{16,256}$/.test(text)) {
    throw new Error(
      'must have 16 to 256 letters, digits and signs: make one with openssl rand -hex 32',
    );
  }
  return text;
}

const millisecondsOf = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** @returns milliseconds */
function readDuration(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,6})([smhd])?$/.exec(text) ?? [];
  if (count === undefined) {
    throw new Error('is not a duration: write for instance 24h, 90m or 7d');
  }
  return Number(count) * millisecondsOf[unit as keyof typeof millisecondsOf];
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (level === undefined) throw new Error(`must be one of ${logLevels.join(', ')}`);
  return level;
}
