import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorBody, ErrorCode } from '#contract/errors.ts';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { restCodeOfRefusal, retryAfterOf, statusOfOciError, statusOfRefusal } from '../status.ts';

/** What happened to a request that failed for no fault of its caller. */
export interface Failure {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  readonly error: unknown;
}

export type ReportFailure = (failure: Failure) => void;

export function errorBody(code: ErrorCode, message: string): ErrorBody {
  return { errors: [{ code, message }] };
}

/** Answers a request that failed, in the one shape that every REST error has. */
export function createErrorHandler(report: ReportFailure) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    if (error instanceof Refusal) return replyWithRefusal(error, request, reply);
    if (error instanceof OciError && error.code !== 'UNKNOWN') {
      reply.code(statusOfOciError(error.code));
      return reply.send({ errors: [{ code: error.code, message: error.message }] });
    }
    const problem = problemOfRequest(error);
    if (problem !== undefined) {
      return reply.code(problem.status).send(errorBody(problem.code, problem.message));
    }
    report({ requestId: request.id, method: request.method, url: request.url, error });
    return reply.code(500).send(errorBody('UNKNOWN', 'internal server error'));
  };
}

function replyWithRefusal(refusal: Refusal, request: FastifyRequest, reply: FastifyReply) {
  if (refusal.kind === 'unauthenticated' && !comesFromPage(request)) {
    reply.header('www-authenticate', 'Basic realm="berth", charset="UTF-8"');
  }
  const retryAfter = retryAfterOf(refusal);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  return reply
    .code(statusOfRefusal(refusal.kind))
    .send(errorBody(restCodeOfRefusal(refusal.kind), refusal.message));
}

/** A script of a page asks: the challenge would make the browser open its own password dialog. */
function comesFromPage(request: FastifyRequest): boolean {
  return (
    request.headers['sec-fetch-site'] !== undefined ||
    request.headers['x-requested-with'] !== undefined
  );
}

interface Problem {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What is wrong with a request that fastify itself refused. */
function problemOfRequest(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const { validation, validationContext, statusCode, code } = error as FastifyError;
  if (validation !== undefined) {
    return invalid(sentenceOfValidation(validation, validationContext ?? 'request'));
  }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return {
        status: 413,
        code: 'PAYLOAD_TOO_LARGE',
        message: 'The request body is larger than this route takes: send less at once.',
      };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return {
        status: 415,
        code: 'UNSUPPORTED_MEDIA_TYPE',
        message: 'The request body has a media type that is not read here: send application/json.',
      };
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return invalid(
        'The request says application/json but has an empty body: send a JSON object.',
      );
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return invalid('The request body is not valid JSON: check its quotes, commas and brackets.');
    case 'FST_ERR_BAD_URL':
      return invalid('The request path is not a valid URL: check its percent-encoding.');
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { ...invalid(`The request cannot be read: ${error.message}`), status: statusCode };
  }
  return undefined;
}

function invalid(message: string): Problem {
  return { status: 400, code: 'BAD_REQUEST', message };
}

/** Names the field at fault. The last error is the widest one of a union, the first one else. */
function sentenceOfValidation(
  validation: NonNullable<FastifyError['validation']>,
  context: string,
): string {
  const union = validation.find(({ keyword }) => keyword === 'anyOf');
  const problem = union ?? validation[0];
  const field = problem?.instancePath.slice(1).replaceAll('/', '.').slice(0, 200);
  const place = context === 'querystring' ? 'query' : context;
  const name = field === undefined || field === '' ? `The request's ${place}` : `${place}.${field}`;
  if (union !== undefined) {
    const values = validation
      .filter(
        ({ keyword, instancePath }) => keyword === 'const' && instancePath === union.instancePath,
      )
      .map(({ params }) => JSON.stringify(params.allowedValue));
    if (values.length > 0) return `${name} must be one of ${values.join(', ')}.`;
    return `${name} has none of the forms that it may have.`;
  }
  return `${name} ${problem?.message ?? 'is not valid'}.`;
}
