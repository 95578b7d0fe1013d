import { Refusal, systemErrorCode } from '#lib/errors.ts';

/** SQLSTATE codes (PostgreSQL, appendix A) after which the same transaction may well succeed. */
const conflicts: ReadonlySet<string> = new Set(['40001', '40P01']);

const noSpace = '53100';

/** The server is out of connections or memory, shutting down, starting, read-only, or too slow. */
const unavailable: ReadonlySet<string> = new Set([
  '25006',
  '53200',
  '53300',
  '55P03',
  '57014',
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '25P03',
]);

const connectionLost: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** What `pg` and its pool say, without a code, when there is no connection or no answer. */
const connectionLostMessage =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after)/;

export function isConflict(error: unknown): boolean {
  return conflicts.has(systemErrorCode(error) ?? '');
}

/** True when the connection that raised `error` is of no more use. */
export function isConnectionLoss(error: unknown): boolean {
  const code = systemErrorCode(error) ?? '';
  return (
    connectionLost.has(code) ||
    code.startsWith('08') ||
    (error instanceof Error && connectionLostMessage.test(error.message))
  );
}

/** The failure as callers are to meet it: a refusal where PostgreSQL itself is at fault. */
export function toRefusal(error: unknown): unknown {
  const code = systemErrorCode(error) ?? '';
  if (code === noSpace) {
    return new Refusal(
      'no-space',
      'The registry has no space left for its database: nothing was changed. Free space on the disk of the PostgreSQL server, then try again.',
      { cause: error },
    );
  }
  if (conflicts.has(code)) {
    return new Refusal(
      'unavailable',
      'The registry is too busy with the same data: nothing was changed. Try again.',
      { cause: error },
    );
  }
  if (isConnectionLoss(error) || unavailable.has(code)) {
    return new Refusal(
      'unavailable',
      'The PostgreSQL database of the registry does not answer at present. Try again; the administrator finds the reason in the log.',
      { cause: error },
    );
  }
  return error;
}
