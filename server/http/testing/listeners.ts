import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import type { CertificateLog, ServerCertificates } from '#server/certificates/certificates.ts';
import { servedNames } from '#server/certificates/names.ts';
import { ownCertificates } from '#server/certificates/own-authority.ts';
import {
  createListener,
  type ListenerLimits,
  type ListenerOptions,
  type Upgrades,
} from '../listener.ts';
import type { Trusts } from '../trusted-sources.ts';

export const log: CertificateLog = { info: () => {}, warn: () => {} };
const served = servedNames('https://registry.example:5000', ['alias.example']);
const own = await ownCertificates(
  served,
  { keep: (_, create) => create(), replace: async () => false },
  log,
);
own.close();
export const ca = own.authority() ?? '';

/**
 * Both are loopback addresses, so that the machine needs no further one: the predicate believes
 * the first and takes the second for a stranger's.
 */
export const FRIEND = '127.0.0.1';
export const STRANGER = '127.0.0.2';
const friendsOnly: Trusts = (address) => address === FRIEND;

interface Setup {
  certificates?: ServerCertificates;
  trusts?: Trusts;
  host?: string;
  limits?: Partial<ListenerLimits>;
  onRequest?: ListenerOptions['onRequest'];
  upgrades?: Upgrades;
}

/** A listener on a free port, which remembers what it was told of. */
export async function start(setup: Setup = {}) {
  const failures: { address: string; error: Error }[] = [];
  const refusals: number[] = [];
  const failed = Promise.withResolvers<void>();
  const listener = createListener({
    onRefusal: (status) => refusals.push(status),
    answersPlain: (target) => target === '/open',
    certificates: setup.certificates ?? own,
    served,
    trusts: setup.trusts ?? friendsOnly,
    onRequest: setup.onRequest ?? describeRequest,
    upgrades: setup.upgrades ?? { takes: () => false, answer: () => {}, end: () => {} },
    onHandshakeFailure: (address, error) => {
      failures.push({ address, error });
      failed.resolve();
    },
    ...(setup.limits === undefined ? {} : { limits: setup.limits }),
  });
  const running = await listener.listen({ host: setup.host ?? FRIEND, port: 0 });
  return {
    ...running,
    failures,
    refusals,
    failed: failed.promise,
    [Symbol.asyncDispose]: () => running.close({ drainMilliseconds: 0 }),
  };
}

/** Says what reached the handler: protocol, method, target and the body's digest. */
export function describeRequest(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  request.on('data', (chunk) => hash.update(chunk));
  request.on('end', () => {
    const protocol = request.socket instanceof tls.TLSSocket ? 'tls' : 'plain';
    response.end(`${protocol} ${request.method} ${request.url} ${hash.digest('hex')}`);
  });
}

interface Reply {
  status: number | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export async function send(
  port: number,
  options: https.RequestOptions & { secure?: boolean; body?: Uint8Array } = {},
): Promise<Reply> {
  const { secure = false, body, ...rest } = options;
  const request = (secure ? https : http).request({
    host: FRIEND,
    port,
    ca,
    agent: false,
    ...rest,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks = await response.toArray();
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** All that the server says on a connection after `bytes`, until it closes. */
export async function converse(
  port: number,
  bytes: string | Uint8Array,
  localAddress = FRIEND,
): Promise<string> {
  const socket = net.connect({ host: FRIEND, port, localAddress, allowHalfOpen: true });
  socket.write(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

export async function secureConnection(
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: FRIEND, port, ca, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** The message of a refusal, of all that {@link converse} heard. */
export function sentence(reply: string): string {
  const body = JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4));
  assert.equal(body.errors.length, 1);
  return body.errors[0].message;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');
