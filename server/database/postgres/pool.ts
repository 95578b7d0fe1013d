import pg from 'pg';

/** Milliseconds. */
const timeouts = {
  connection: 10_000,
  statement: 60_000,
  lock: 30_000,
  idleInTransaction: 60_000,
  /** Past the server's own timeout, so that only a server that has gone silent meets it. */
  answer: 75_000,
};

/** A power loss must not take what a write promised, whatever the server's default is. */
const sessionSettings = `
  select
    set_config('statement_timeout', '${timeouts.statement}', false),
    set_config('lock_timeout', '${timeouts.lock}', false),
    set_config('idle_in_transaction_session_timeout', '${timeouts.idleInTransaction}', false),
    set_config('synchronous_commit',
      case when current_setting('synchronous_commit') = 'off' then 'on'
      else current_setting('synchronous_commit') end, false)`;

const { BOOL, BYTEA, INT8, NUMERIC } = pg.types.builtins;

const parsers = new Map<number, (text: string) => unknown>([
  [INT8, Number],
  // What sum() makes of bigint.
  [NUMERIC, Number],
  // As SQLite answers a comparison.
  [BOOL, (text: string) => (text === 't' ? 1 : 0)],
  [BYTEA, parseBytes],
]);

const usualConnections = 16;

export function openPool(url: string, connections = usualConnections): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'berth',
    max: connections,
    keepAlive: true,
    connectionTimeoutMillis: timeouts.connection,
    query_timeout: timeouts.answer,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        parsers.get(oid) ?? pg.types.getTypeParser(oid, format ?? 'text'),
    },
    onConnect: (client) => client.query(sessionSettings),
  });
  // A connection that breaks while nobody waits on it is replaced by the pool; whoever waits on
  // one hears of it from the query.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

function parseBytes(text: string): Uint8Array {
  const hex = Buffer.from(text.slice(2), 'hex');
  return new Uint8Array(hex.buffer, hex.byteOffset, hex.length);
}
