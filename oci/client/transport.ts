import {
  type ClientRequest,
  type IncomingMessage,
  Agent as PlainAgent,
  request as requestPlain,
} from 'node:http';
import { request as requestEncrypted, Agent as TlsAgent } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { createSecureContext, getCACertificates } from 'node:tls';
import { type Content, chunksOf, sizeOf } from '../content.ts';
import { connectionFailure, RegistryFailure } from './errors.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream can be sent once only. */
  readonly body?: Content;
}

/** The answer's body must be read to its end or destroyed. */
export type Answer = IncomingMessage & { readonly statusCode: number };

export interface Transport {
  /** Follows redirects of GET and HEAD. @throws {RegistryFailure} when no answer comes */
  send(request: TransportRequest): Promise<Answer>;
  close(): void;
}

export interface TransportOptions {
  /** PEM, trusted in addition to the authorities that Node.js trusts. */
  readonly certificateAuthorities?: string;
  /** Milliseconds without a byte in either direction after which a request fails. */
  readonly idleTimeout: number;
}

const maximumRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function createTransport({
  certificateAuthorities,
  idleTimeout,
}: TransportOptions): Transport {
  const plain = new PlainAgent({ keepAlive: true });
  const encrypted = new TlsAgent({
    keepAlive: true,
    ...(certificateAuthorities === undefined
      ? {}
      : {
          secureContext: createSecureContext({
            ca: [...getCACertificates('default'), certificateAuthorities],
          }),
        }),
  });

  function open({ url, method, headers, body }: TransportRequest): ClientRequest {
    const length = body === undefined ? {} : { 'content-length': String(sizeOf(body)) };
    const options = { method, headers: { ...headers, ...length }, timeout: idleTimeout };
    return url.protocol === 'https:'
      ? requestEncrypted(url, { ...options, agent: encrypted })
      : requestPlain(url, { ...options, agent: plain });
  }

  function exchange(wanted: TransportRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { body, url } = wanted;
      // After an early answer, which is what counts then, these have no effect.
      const fail = (error: unknown): void => reject(connectionFailure(url.host, error) ?? error);
      const request = open(wanted);
      request.on('timeout', () => {
        const sentence = `${url.host} did not answer within ${idleTimeout / 1000} seconds.`;
        request.destroy(new RegistryFailure('timeout', sentence));
      });
      request.on('error', fail);
      request.on('response', (answer) => resolve(answer as Answer));
      if (body === undefined || body instanceof Uint8Array) request.end(body);
      else pipeline(chunksOf(body), request).catch(fail);
    });
  }

  return {
    async send(wanted) {
      let { url, headers } = wanted;
      for (let followed = 0; ; followed++) {
        const answer = await exchange({
          ...wanted,
          url,
          ...(headers === undefined ? {} : { headers }),
        });
        const { location } = answer.headers;
        const followable = wanted.method === 'GET' || wanted.method === 'HEAD';
        if (!followable || !redirects.has(answer.statusCode) || location === undefined)
          return answer;
        await discardAnswer(answer, url.host);
        if (followed === maximumRedirects) {
          throw new RegistryFailure(
            'answer-invalid',
            `${wanted.url.host} redirected more than ${maximumRedirects} times.`,
          );
        }
        const next = resolveLocation(location, url);
        if (url.protocol === 'https:' && next.protocol !== 'https:') {
          throw new RegistryFailure(
            'answer-invalid',
            `${url.host} redirected to the unencrypted address ${next.origin}, which is not followed.`,
          );
        }
        // Presigned URLs refuse a second authorization, and credentials are for one host only.
        if (next.origin !== url.origin) headers = withoutAuthorization(headers);
        url = next;
      }
    },
    close() {
      plain.destroy();
      encrypted.destroy();
    },
  };
}

function withoutAuthorization(headers: TransportRequest['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).filter(([name]) => name.toLowerCase() !== 'authorization'),
  );
}

/** @throws {RegistryFailure} answer-invalid */
export function resolveLocation(location: string, base: URL): URL {
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new RegistryFailure(
    'answer-invalid',
    `${base.host} answered with a Location that is no URL.`,
  );
}

/** The body as it comes. @throws {RegistryFailure} when the connection breaks */
export async function* answerChunks(answer: Answer, host: string): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw connectionFailure(host, error) ?? error;
  }
}

/** The whole body. @throws {RegistryFailure} answer-invalid when it is longer than `most` bytes */
export async function readAnswer(answer: Answer, host: string, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answerChunks(answer, host)) {
    size += chunk.length;
    if (size > most) {
      throw new RegistryFailure('answer-invalid', `${host} answered with more than ${most} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a short body away, so that its connection can be used again. */
export async function discardAnswer(answer: Answer, host: string): Promise<void> {
  await readAnswer(answer, host, 65_536).catch(() => undefined);
}
