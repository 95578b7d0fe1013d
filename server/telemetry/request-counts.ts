import { createDurations } from './histogram.ts';
import { counter, gauge, type MetricSnapshot, type MetricValue } from './metrics.ts';
import { type RouteClass, routeClasses } from './route-classes.ts';

/** A request that is over. */
export interface FinishedRequest {
  readonly route: RouteClass;
  readonly method: string | undefined;
  /** 0 when the client left before a status was sent. */
  readonly status: number;
  readonly seconds: number;
  /** Bytes of head and body, without TLS. */
  readonly received: number;
  readonly sent: number;
}

/**
 * What requests add up to. Every request passes here, so it is numbers in arrays; labels are made
 * when somebody asks.
 */
export interface RequestCounts {
  begin(): void;
  end(request: FinishedRequest): void;
  snapshots(): readonly MetricSnapshot[];
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const;
const methodRows: ReadonlyMap<string | undefined, number> = new Map(
  methods.map((method, row) => [method, row]),
);
const otherMethod = methods.indexOf('other');
const routeRows: ReadonlyMap<RouteClass, number> = new Map(
  routeClasses.map((route, row) => [route, row]),
);
/** Statuses from 0 (none was sent) to 599. */
const statuses = 600;

export function createRequestCounts(): RequestCounts {
  const rows = routeClasses.length * methods.length;
  const durations = createDurations(rows);
  const received = new Float64Array(routeClasses.length);
  const sent = new Float64Array(routeClasses.length);
  // By row, and there by status: few of them ever occur together.
  const answered: (number[] | undefined)[] = new Array(rows).fill(undefined);
  let underWay = 0;

  function labelsOf(row: number) {
    return {
      route: routeClasses[Math.floor(row / methods.length)] ?? 'other',
      method: methods[row % methods.length] ?? 'other',
    };
  }

  function byRoute(totals: Float64Array): MetricValue[] {
    return routeClasses.map((route, row) => ({ labels: { route }, value: totals[row] ?? 0 }));
  }

  return {
    begin() {
      underWay += 1;
    },

    end({ route, method, status, seconds, received: bytesIn, sent: bytesOut }) {
      underWay -= 1;
      const routeRow = routeRows.get(route) ?? 0;
      const row = routeRow * methods.length + (methodRows.get(method) ?? otherMethod);
      durations.observe(row, seconds);
      received[routeRow] = (received[routeRow] ?? 0) + bytesIn;
      sent[routeRow] = (sent[routeRow] ?? 0) + bytesOut;
      answered[row] ??= new Array(statuses).fill(0);
      const counts = answered[row];
      counts[status] = (counts[status] ?? 0) + 1;
    },

    snapshots: () => [
      counter(
        'berth_http_requests_total',
        'Requests that were answered, by kind of route, method and status (none: the client left first).',
        answered.flatMap((counts, row) =>
          (counts ?? []).flatMap((value, status) => {
            const labels = { ...labelsOf(row), status: status === 0 ? 'none' : status };
            return value === 0 ? [] : [{ labels, value }];
          }),
        ),
      ),
      durations.snapshot(
        'berth_http_request_duration_seconds',
        'From the head of a request to the last byte of its answer.',
        labelsOf,
      ),
      counter(
        'berth_http_received_bytes_total',
        'Bytes that requests brought, heads included.',
        byRoute(received),
      ),
      counter('berth_http_sent_bytes_total', 'Bytes of answers, heads included.', byRoute(sent)),
      gauge('berth_http_requests_in_progress', 'Requests that are being answered.', underWay),
    ],
  };
}
