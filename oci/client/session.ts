import type { Authorizer } from './authorizer.ts';
import { RegistryFailure } from './errors.ts';
import { failureOf } from './refusal.ts';
import { type Answer, readAnswer, type Transport, type TransportRequest } from './transport.ts';

/** One request that needs permission for `scopes`, and the statuses that count as success. */
export interface AuthorizedRequest extends TransportRequest {
  readonly scopes: readonly string[];
  readonly accept: readonly number[];
}

/** Requests to one registry, authorised when it asks for it. */
export interface Session {
  readonly registry: URL;
  /** @throws {RegistryFailure} when the status is not among those accepted */
  send(request: AuthorizedRequest): Promise<Answer>;
  /** As `send`, with the answer's body read. */
  read(
    request: AuthorizedRequest,
    maximumBytes: number,
  ): Promise<{ answer: Answer; bytes: Buffer }>;
}

export function createSession(
  registry: URL,
  transport: Transport,
  authorizer: Authorizer,
): Session {
  async function authorized(request: AuthorizedRequest): Promise<Answer> {
    const header = authorizer.header(request.scopes);
    const answer = await transport.send(withAuthorization(request, header));
    if (answer.statusCode !== 401 || !isReplayable(request)) return answer;
    const fresh = await authorizer.answer(answer, request.scopes);
    return transport.send(withAuthorization(request, fresh));
  }

  async function send(request: AuthorizedRequest): Promise<Answer> {
    const answer = await authorized(request);
    if (request.accept.includes(answer.statusCode)) return answer;
    throw await failureOf(answer, registry.host);
  }

  return {
    registry,
    send,
    async read(request, maximumBytes) {
      const answer = await send(request);
      return { answer, bytes: await readAnswer(answer, registry.host, maximumBytes) };
    },
  };
}

function withAuthorization(
  request: TransportRequest,
  header: string | undefined,
): TransportRequest {
  return header === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization: header } };
}

function isReplayable({ body }: TransportRequest): boolean {
  return body === undefined || body instanceof Uint8Array;
}

/** @throws {RegistryFailure} answer-invalid when the header is absent */
export function requireHeader(answer: Answer, name: string, registry: URL): string {
  const value = answer.headers[name];
  if (typeof value === 'string') return value;
  throw new RegistryFailure(
    'answer-invalid',
    `${registry.host} answered without the header ${name}.`,
  );
}
