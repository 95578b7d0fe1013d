import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesConnection } from './connection.ts';
import {
  AnswerTooLarge,
  errorOfStatus,
  type KubernetesError,
  KubernetesUnreachable,
} from './errors.ts';

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly accept?: string | undefined;
  readonly contentType?: string | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /**
   * The body of a success, whole.
   * @throws {KubernetesError} | {KubernetesUnreachable}
   */
  text(question: Question): Promise<string>;
  /** The body of a success as it comes; `signal` ends it. */
  stream(question: Question): Promise<IncomingMessage>;
  close(): void;
}

export interface TransportLimits {
  /** Of a whole answer. */
  readonly maximumAnswer: number;
  /** Until an answer is whole, or until a stream begins. */
  readonly timeoutMilliseconds: number;
  /** Until a connection is open. */
  readonly openingMilliseconds: number;
  /** Connections for questions; each watch has one of its own. */
  readonly connections: number;
}

const limits: TransportLimits = {
  maximumAnswer: 32 * 1024 * 1024,
  timeoutMilliseconds: 30_000,
  // TCP tries three times in it, and after that too rarely.
  openingMilliseconds: 4_000,
  connections: 8,
};
const maximumErrorBody = 64 * 1024;
/** How often a question is put again that was turned away before anything was done. */
const mostTries = 5;
const longestPause = 5_000;
/**
 * A peer that is gone without a word is noticed after six seconds. TCP sends again, to one that is
 * back, at growing intervals: the one that begins by then would be the first to be too long.
 */
const keepAlive = { enable: true, initialDelay: 3_000, interval: 1_000, count: 3 } as const;

/** Questions over HTTP/1.1 on few connections that stay open. */
export function createTransport(
  connection: KubernetesConnection,
  {
    maximumAnswer,
    timeoutMilliseconds,
    openingMilliseconds,
    connections,
  }: TransportLimits = limits,
): Transport {
  const { server, authority, token, clientCertificate } = connection;
  const { hostname, port } = new URL(server);
  const shared = { keepAlive: true, timeout: 20_000 };
  const questions = new Agent({ ...shared, maxSockets: connections, maxFreeSockets: 2 });
  const streams = new Agent({ ...shared, maxFreeSockets: 0 });
  // The agent of Node.js sets probes of its own on a connection that becomes idle.
  questions.on('free', (socket: Socket) => socket.setKeepAlive(keepAlive));

  /** What was sent and not answered is not probed for: it would be sent again for half a minute. */
  function endAll(): void {
    questions.destroy();
    streams.destroy();
  }

  async function open(question: Question, agent: Agent): Promise<IncomingMessage> {
    const [ca, bearer] = await Promise.all([read(authority), read(token)]);
    const body = question.body === undefined ? undefined : JSON.stringify(question.body);
    const options: RequestOptions = {
      agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 443 : Number(port),
      method: question.method,
      path: question.path,
      ...(ca !== undefined && { ca }),
      ...(clientCertificate !== undefined && {
        cert: clientCertificate.certificate,
        key: clientCertificate.key,
      }),
      ...(question.signal !== undefined && { signal: question.signal }),
      headers: {
        accept: question.accept ?? 'application/json',
        'user-agent': 'berth-agent',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && {
          'content-type': question.contentType ?? 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(options);
    outgoing.on('socket', (socket) => {
      socket.setKeepAlive(keepAlive);
      if (!socket.connecting) return;
      const timer = setTimeout(
        () => outgoing.destroy(new KubernetesUnreachable(`${server} takes no connection.`)),
        openingMilliseconds,
      );
      for (const end of ['secureConnect', 'close']) socket.once(end, () => clearTimeout(timer));
    });
    outgoing.on('response', resolve);
    outgoing.on('error', (error) => {
      reject(unreachable(server, error, outgoing.reusedSocket));
      if (isSilence(error)) endAll();
    });
    outgoing.end(body);
    return promise;
  }

  async function answer(question: Question, agent: Agent): Promise<IncomingMessage> {
    const response = await open(question, agent);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw await errorOf(response, statusCode);
  }

  /** Puts a question again that the server had no room for, or that an idle connection lost. */
  async function persistently<Result>(
    question: Question,
    work: () => Promise<Result>,
  ): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        const pause = tries < mostTries ? pauseBeforeRetry(error, question) : undefined;
        if (pause === undefined) throw error;
        await wait(pause, undefined, question.signal && { signal: question.signal });
      }
    }
  }

  return {
    text: (question) =>
      persistently(question, async () => {
        const timeout = AbortSignal.timeout(timeoutMilliseconds);
        const signal =
          question.signal === undefined ? timeout : AbortSignal.any([question.signal, timeout]);
        return await wholeText(await answer({ ...question, signal }, questions), maximumAnswer);
      }),
    stream: (question) =>
      persistently(question, async () => {
        const begun = new AbortController();
        const timer = setTimeout(
          () => begun.abort(new KubernetesUnreachable(`${server} did not answer in time.`)),
          timeoutMilliseconds,
        );
        const signal =
          question.signal === undefined
            ? begun.signal
            : AbortSignal.any([question.signal, begun.signal]);
        try {
          return await answer({ ...question, signal }, streams);
        } finally {
          clearTimeout(timer);
        }
      }),
    close: endAll,
  };
}

/** Nobody answered the probes of an open connection. */
function isSilence(error: Error): boolean {
  return (
    'code' in error && error.code === 'ETIMEDOUT' && 'syscall' in error && error.syscall === 'read'
  );
}

async function wholeText(response: IncomingMessage, maximum: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maximum) {
        response.destroy();
        throw new AnswerTooLarge(`The API server's answer is larger than ${maximum} bytes.`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof KubernetesUnreachable) throw error;
    throw new KubernetesUnreachable('The API server broke off its answer.', { cause: error });
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

async function errorOf(response: IncomingMessage, status: number): Promise<KubernetesError> {
  const text = await wholeText(response, maximumErrorBody).catch(() => '');
  const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's own words say more than nothing.
    body = { message: text.trim().slice(0, 256) };
  }
  return errorOfStatus(status, body, Number.isFinite(retryAfter) ? retryAfter * 1_000 : undefined);
}

class LostConnection extends KubernetesUnreachable {}

function unreachable(server: string, error: Error, reused: boolean): Error {
  if (error instanceof KubernetesUnreachable) return error;
  const cause = error.cause instanceof KubernetesUnreachable ? error.cause : undefined;
  if (cause !== undefined) return cause;
  const { message } = error;
  const lost = reused && 'code' in error && error.code === 'ECONNRESET';
  const Kind = lost ? LostConnection : KubernetesUnreachable;
  return new Kind(`The API server ${server} cannot be reached: ${message}`, { cause: error });
}

function pauseBeforeRetry(error: unknown, { method }: Question): number | undefined {
  // A POST may have been carried out before its connection was lost.
  if (error instanceof LostConnection) return method === 'POST' ? undefined : 0;
  if (!(error instanceof Error) || !('status' in error) || error.status !== 429) return undefined;
  const { retryAfterMilliseconds } = error as KubernetesError;
  return Math.min(retryAfterMilliseconds ?? 1_000, longestPause);
}

async function read(value: string | (() => Promise<string>) | undefined) {
  return typeof value === 'function' ? await value() : value;
}
