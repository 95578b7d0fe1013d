import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { TraceSettings } from '#server/config/trace-settings.ts';
import { shownPath } from './access-log.ts';
import { readTarget } from './route-classes.ts';
import { callerContext } from './trace-parent.ts';
import type { SpanAttributes, Traces } from './traces.ts';

/** How long a server that stops waits for the collector. */
const lastFlush = 3_000;

export interface TracesOptions {
  readonly settings: TraceSettings;
  /** Of the software. */
  readonly version: string;
  /** The collector takes no spans any more (a reason), or takes them again (undefined). */
  readonly onChange: (problem: unknown) => void;
}

/**
 * Traces to a collector by OTLP, in batches beside the requests. Spans that it does not take in time
 * are dropped. This module brings OpenTelemetry's packages: only servers that trace load it.
 */
export function startTraces({ settings, version, onChange }: TracesOptions): Traces {
  const root = new TraceIdRatioBasedSampler(settings.ratio);
  const provider = new TracerProvider({
    sampler: settings.followsCaller ? new ParentBasedSampler({ root }) : root,
    resource: resourceFromAttributes({
      ...settings.attributes,
      'service.name': settings.serviceName,
      'service.version': version,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: telling(new OTLPTraceExporter({ url: settings.url }), onChange),
      }),
    ],
  });
  const tracer = provider.getTracer('berth', version);
  const current = new AsyncLocalStorage<Context>();

  async function spanIn<Result>(
    parent: Context,
    name: string,
    attributes: SpanAttributes,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const span = tracer.startSpan(name, { attributes }, parent);
    try {
      return await current.run(trace.setSpan(parent, span), work);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    request(request, response, handle) {
      const target = readTarget(request.url ?? '/');
      const { route, repository } = target;
      const parent = callerContext(request.headers);
      const span = tracer.startSpan(
        `${request.method} ${route}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'http.request.method': request.method ?? '',
            'http.route': route,
            'url.path': shownPath(target),
            ...(repository === undefined ? {} : { 'berth.repository': repository.slice(0, 255) }),
          },
        },
        parent,
      );
      response.on('close', () => {
        const { statusCode, headersSent } = response;
        if (headersSent) span.setAttribute('http.response.status_code', statusCode);
        if (!headersSent || statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
      current.run(trace.setSpan(parent, span), handle);
    },

    span: (name, attributes, work) =>
      spanIn(current.getStore() ?? ROOT_CONTEXT, name, attributes, work),

    spanBelow(name, attributes, work) {
      const parent = current.getStore();
      return parent === undefined ? work() : spanIn(parent, name, attributes, work);
    },

    async stop() {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, lastFlush);
      await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
      clearTimeout(timer);
    },
  };
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
}

/** Tells when exports begin to fail and when they succeed again, not of each one. */
function telling(exporter: SpanExporter, onChange: (problem: unknown) => void): SpanExporter {
  let works = true;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const worked = result.error === undefined;
        if (worked !== works) onChange(result.error);
        works = worked;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
