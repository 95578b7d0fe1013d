import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trace } from '@opentelemetry/api';
import { callerContext } from './trace-parent.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('the traceparent of a request', () => {
  test('names the span that is continued, and whether it is kept', () => {
    for (const [flags, sampled] of [
      ['01', 1],
      ['00', 0],
      ['ff', 1],
    ] as const) {
      const context = callerContext({
        traceparent: `00-${traceId}-${spanId}-${flags}`,
        tracestate: 'vendor=1',
      });
      const span = trace.getSpanContext(context);
      assert.equal(span?.traceId, traceId);
      assert.equal(span?.spanId, spanId);
      assert.equal(span?.traceFlags, sampled);
      assert.equal(span?.traceState?.get('vendor'), '1');
    }
  });

  test('of a later version counts by what this one knows', () => {
    const context = callerContext({ traceparent: `cc-${traceId}-${spanId}-01-what-the-future-is` });
    assert.equal(trace.getSpanContext(context)?.traceId, traceId);
  });

  const wrong = [
    '',
    'x',
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-0`,
    ` 00-${traceId}-${spanId}-01`,
  ];
  for (const traceparent of wrong) {
    test(`is no one's when it reads ${JSON.stringify(traceparent)}`, () => {
      assert.equal(trace.getSpanContext(callerContext({ traceparent })), undefined);
    });
  }
});
