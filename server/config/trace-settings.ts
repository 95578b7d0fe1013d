import { InvalidSetting } from './settings.ts';

/** Where and which traces are sent, by the standard variables of OpenTelemetry. */
export interface TraceSettings {
  /** Takes OTLP by HTTP, as JSON. */
  readonly url: string;
  readonly serviceName: string;
  /** Further attributes of every span's resource. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The share of traces that are kept, from 0 to 1. */
  readonly ratio: number;
  /** Whether a caller that traces its own work decides instead. */
  readonly followsCaller: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Undefined where no collector is named. What concerns the connection to it (`…_HEADERS`,
 * `…_CERTIFICATE`, `…_TIMEOUT`, `…_COMPRESSION`) is read by OpenTelemetry's own exporter.
 * @throws {InvalidSetting}
 */
export function readTraceSettings(environment: Environment): TraceSettings | undefined {
  const url = collectorUrl(environment);
  const exporter = environment.OTEL_TRACES_EXPORTER || 'otlp';
  if (url === undefined || environment.OTEL_SDK_DISABLED === 'true' || exporter === 'none') {
    return undefined;
  }
  if (exporter !== 'otlp') {
    throw new InvalidSetting('OTEL_TRACES_EXPORTER must be otlp or none.');
  }
  const protocol =
    environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === 'grpc') {
    throw new InvalidSetting(
      'OTEL_EXPORTER_OTLP_PROTOCOL is grpc, which Berth does not speak: set it to http/json, and OTEL_EXPORTER_OTLP_ENDPOINT to the port on which the collector takes HTTP, mostly 4318.',
    );
  }
  return {
    url,
    serviceName: environment.OTEL_SERVICE_NAME || 'berth',
    attributes: readAttributes(environment.OTEL_RESOURCE_ATTRIBUTES ?? ''),
    ...readSampler(environment),
  };
}

function collectorUrl(environment: Environment): string | undefined {
  const own = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
  const common = 'OTEL_EXPORTER_OTLP_ENDPOINT';
  const name = environment[own] ? own : common;
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new InvalidSetting(
      `${name} is not a URL: write for instance http://collector.example.com:4318.`,
    );
  }
  return name === own ? url.href : `${url.href.replace(/\/$/, '')}/v1/traces`;
}

function readAttributes(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(',')
      .filter((pair) => pair.includes('='))
      .map((pair) => {
        const sign = pair.indexOf('=');
        return [pair.slice(0, sign).trim(), decoded(pair.slice(sign + 1).trim())];
      }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const samplers = ['always_on', 'always_off', 'traceidratio'];

function readSampler(environment: Environment): { ratio: number; followsCaller: boolean } {
  const sampler = environment.OTEL_TRACES_SAMPLER || 'parentbased_always_on';
  const followsCaller = sampler.startsWith('parentbased_');
  const root = followsCaller ? sampler.slice('parentbased_'.length) : sampler;
  if (!samplers.includes(root)) {
    throw new InvalidSetting(
      `OTEL_TRACES_SAMPLER must be one of ${samplers.join(', ')}, or one of these after parentbased_.`,
    );
  }
  if (root !== 'traceidratio') return { ratio: root === 'always_on' ? 1 : 0, followsCaller };
  const ratio = Number(environment.OTEL_TRACES_SAMPLER_ARG || '1');
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new InvalidSetting('OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1.');
  }
  return { ratio, followsCaller };
}
