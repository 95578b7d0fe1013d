import { counter, gauge, type MetricSnapshot } from './metrics.ts';

/** Connections to the database: those open, those of them idle, and how many wait for one. */
type PoolState = () => {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
};

export interface ConnectionCounts {
  /** Answered with this status before it was anybody's request. */
  refused(status: number): void;
  handshakeFailed(): void;
  snapshots(): readonly MetricSnapshot[];
}

/** @param pool undefined where the database is no other server's */
export function createConnectionCounts(pool: PoolState | undefined): ConnectionCounts {
  let failedHandshakes = 0;
  const refusals = new Map<number, number>();

  function poolSnapshots(): MetricSnapshot[] {
    if (pool === undefined) return [];
    const { open, idle, waiting } = pool();
    return [
      gauge('berth_database_connections', 'Connections to PostgreSQL, by what they do.', [
        { labels: { state: 'busy' }, value: open - idle },
        { labels: { state: 'idle' }, value: idle },
      ]),
      gauge(
        'berth_database_connection_waiters',
        'Statements that wait for a connection to PostgreSQL.',
        waiting,
      ),
    ];
  }

  return {
    refused(status) {
      refusals.set(status, (refusals.get(status) ?? 0) + 1);
    },
    handshakeFailed() {
      failedHandshakes += 1;
    },
    snapshots: () => [
      counter(
        'berth_tls_handshake_failures_total',
        'TLS connections that failed, mostly of clients that do not trust the certificate.',
        failedHandshakes,
      ),
      counter(
        'berth_http_refused_total',
        'Requests that could not be read, or came in plain HTTP where TLS is asked for, by status.',
        [...refusals].map(([status, value]) => ({ labels: { status }, value })),
      ),
      ...poolSnapshots(),
    ],
  };
}
