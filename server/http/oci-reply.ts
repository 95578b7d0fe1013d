import type { OutgoingHttpHeaders } from 'node:http';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import { OciError, type OciErrorCode } from '#oci/errors.ts';
import { bearerChallenge } from './challenge.ts';
import type { Exchange } from './exchange.ts';
import { writeHead } from './reply-head.ts';
import { retryAfterOf, statusOfOciError, statusOfRefusal } from './status.ts';
import { Unauthorized } from './unauthorized.ts';

const codes: Readonly<Record<RefusalKind, OciErrorCode>> = {
  invalid: 'UNSUPPORTED',
  unauthenticated: 'UNAUTHORIZED',
  denied: 'DENIED',
  'not-found': 'NAME_UNKNOWN',
  conflict: 'BLOB_UPLOAD_INVALID',
  precondition: 'DENIED',
  'too-large': 'SIZE_INVALID',
  'too-many-requests': 'TOOMANYREQUESTS',
  'no-space': 'UNKNOWN',
  unavailable: 'UNKNOWN',
};

/**
 * Answers a failed `/v2` request in the words of the distribution specification, section "Error
 * Codes". Returns false for an error that is nobody's refusal: the reply then says only that.
 */
export function replyWithError(exchange: Exchange, error: unknown): boolean {
  if (error instanceof Unauthorized) return challenge(exchange, error);
  if (error instanceof Refusal && error.kind === 'unauthenticated') {
    return challenge(
      exchange,
      new Unauthorized(error.message, { challengeError: 'invalid_token' }),
    );
  }
  if (error instanceof OciError) {
    return reply(exchange, statusOfOciError(error.code), error.code, error.message, error.detail);
  }
  if (error instanceof Refusal) {
    const seconds = retryAfterOf(error);
    const headers = seconds === undefined ? {} : { 'Retry-After': seconds };
    const status = statusOfRefusal(error.kind);
    return reply(exchange, status, codes[error.kind], error.message, undefined, headers);
  }
  reply(exchange, 500, 'UNKNOWN', `internal server error (request ${exchange.id})`);
  return false;
}

function challenge(exchange: Exchange, { scope, challengeError, message }: Unauthorized): true {
  return reply(exchange, 401, 'UNAUTHORIZED', message, undefined, {
    'WWW-Authenticate': bearerChallenge(exchange.origin, {
      ...(scope === undefined ? {} : { scope }),
      ...(challengeError === undefined ? {} : { error: challengeError }),
    }),
  });
}

function reply(
  exchange: Exchange,
  status: number,
  code: OciErrorCode,
  message: string,
  detail?: unknown,
  headers: OutgoingHttpHeaders = {},
): true {
  const body = Buffer.from(
    JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] }),
  );
  writeHead(exchange, status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...headers,
  });
  exchange.response.end(body);
  return true;
}
