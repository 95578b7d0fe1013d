import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import {
  InvalidSetting,
  type LogLevel,
  type SettingKey,
  type SettingValues,
  settings,
} from './settings.ts';
import { readTraceSettings, type TraceSettings } from './trace-settings.ts';

/** What the server is told from outside, read once and checked. */
export interface Config {
  readonly dataFolder: string;
  /** The address to listen on. */
  readonly host: string;
  readonly port: number;
  /** Processes that answer requests. */
  readonly workers: number;
  /** Where clients reach the server. */
  readonly publicUrl: URL;
  /** Further names and addresses that it answers to. */
  readonly names: readonly string[];
  readonly trustedProxies: readonly string[];
  /** PostgreSQL; undefined for SQLite in the data folder. */
  readonly databaseUrl: string | undefined;
  /** Certificate and key files; undefined for the server's own authority. */
  readonly tlsFiles: TlsFiles | undefined;
  /** 32 bytes; undefined for the key file in the data folder. */
  readonly secretKey: Uint8Array | undefined;
  readonly adminPassword: string | undefined;
  /** Opens `/metrics` to whoever brings it. */
  readonly metricsToken: string | undefined;
  /** Undefined: nothing is traced. */
  readonly traces: TraceSettings | undefined;
  /** Milliseconds that garbage collection keeps what nobody needs. */
  readonly collectionGrace: number;
  readonly logLevel: LogLevel;
  /** Variables that look like settings and are none. */
  readonly unknownVariables: readonly string[];
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** What clients have to trust; undefined where they do so anyway. */
  readonly authority: string | undefined;
}

/** By key of `settings`, as given on the command line. */
export type Flags = { readonly [Key in SettingKey]?: string };

const defaults = {
  data: './data',
  host: '::',
  port: 5000,
  workers: 1,
  collectionGrace: 24 * 60 * 60 * 1000,
  logLevel: 'info',
} as const;
/** Of the command line tool, and of what Kubernetes adds for Services whose names begin with berth. */
const othersVariables = /^BERTH_(?:SERVER|TOKEN|(?:.+_)?SERVICE_.+|(?:.+_)?PORT_.+|.+_PORT)$/;

/**
 * Reads every setting: flag, then environment, then berth.yaml in the data folder, then default.
 * @throws {InvalidSetting}
 */
export async function readConfig(
  flags: Flags,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Config> {
  const early = readValues(flags, environment, {});
  const dataFolder = early.data ?? settings.data.read(defaults.data);
  const file = await readConfigFile(join(dataFolder, 'berth.yaml'));
  const values = readValues(flags, environment, file);
  if ((values.tlsCertificate === undefined) !== (values.tlsKey === undefined)) {
    throw new InvalidSetting(
      "BERTH_TLS_CERTIFICATE and BERTH_TLS_KEY belong together: set both, or neither for a certificate of the server's own authority.",
    );
  }
  if (values.tlsAuthority !== undefined && values.tlsCertificate === undefined) {
    throw new InvalidSetting(
      "BERTH_TLS_AUTHORITY says who issued the certificate in BERTH_TLS_CERTIFICATE: set that too, or remove it to use the server's own authority.",
    );
  }
  const port = values.port ?? defaults.port;
  return {
    dataFolder,
    host: values.host ?? defaults.host,
    port,
    workers: values.workers ?? defaults.workers,
    publicUrl: values.url ?? new URL(`https://localhost:${port}`),
    names: values.names ?? [],
    trustedProxies: values.trustedProxies ?? [],
    databaseUrl: values.databaseUrl,
    tlsFiles:
      values.tlsCertificate === undefined || values.tlsKey === undefined
        ? undefined
        : {
            certificate: values.tlsCertificate,
            key: values.tlsKey,
            authority: values.tlsAuthority,
          },
    secretKey: values.secretKey,
    adminPassword: values.adminPassword,
    metricsToken: values.metricsToken,
    traces: readTraceSettings(environment),
    collectionGrace: values.collectionGrace ?? defaults.collectionGrace,
    logLevel: values.logLevel ?? defaults.logLevel,
    unknownVariables: Object.keys(environment).filter(
      (name) =>
        name.startsWith('BERTH_') &&
        !othersVariables.test(name) &&
        !Object.values(settings).some((setting) => setting.environment === name),
    ),
  };
}

function readValues(
  flags: Flags,
  environment: Readonly<Record<string, string | undefined>>,
  file: Readonly<Record<string, string>>,
): SettingValues {
  const values: Record<string, unknown> = {};
  for (const [key, { environment: variable, flag, read }] of Object.entries(settings)) {
    const given = [
      { name: flag, text: flags[key as SettingKey] },
      { name: variable, text: environment[variable] },
      { name: `${key} in berth.yaml`, text: file[key] },
    ].find(({ text }) => text !== undefined && text !== '');
    if (given?.text === undefined) continue;
    try {
      values[key] = read(given.text);
    } catch (error) {
      throw new InvalidSetting(`${given.name} ${(error as Error).message}.`);
    }
  }
  return values as SettingValues;
}

async function readConfigFile(path: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return {};
    throw new InvalidSetting(`${path} cannot be read: ${(error as Error).message}.`);
  }
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (error) {
    throw new InvalidSetting(`${path} is not valid YAML: ${(error as Error).message}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new InvalidSetting(`${path} must hold settings, such as "port: 5000".`);
  }
  const known = Object.keys(settings).filter((key) => key !== 'data');
  return Object.fromEntries(
    Object.entries(content).map(([key, value]) => {
      if (!known.includes(key)) {
        throw new InvalidSetting(`${key} in ${path} is no setting: there are ${known.join(', ')}.`);
      }
      return [key, Array.isArray(value) ? value.join(',') : String(value ?? '')];
    }),
  );
}
