import type { IncomingHttpHeaders } from 'node:http';
import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';

/** W3C Trace Context, section 3.2; what later versions append is let pass (section 4). */
const traceparent = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
/** Section 3.3.1.5. */
const longestState = 512;

/** What a request continues: the span of its caller, where it names one that is well-formed. */
export function callerContext(headers: IncomingHttpHeaders): Context {
  const given = headers.traceparent;
  const [, traceId = '', spanId = '', flags = ''] =
    (typeof given === 'string' && traceparent.exec(given)) || [];
  const state = headers.tracestate;
  const parent: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(typeof state === 'string' && state.length <= longestState
      ? { traceState: createTraceState(state) }
      : {}),
  };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}
