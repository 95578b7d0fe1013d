import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { ServedNames } from '#server/certificates/names.ts';
import { externalOrigin, receivedRequest } from './forwarded.ts';
import { drain } from './request-body.ts';
import { secureOptions } from './secure-options.ts';
import { plainAddress, type Trusts } from './trusted-sources.ts';
import {
  answerClientError,
  errorBody,
  MAXIMUM_HEADER_BYTES,
  tellToClose,
} from './unreadable-requests.ts';

/** Milliseconds. */
export interface ListenerLimits {
  /** Until the first byte of a connection. */
  readonly silence: number;
  /** Until a TLS handshake is done. */
  readonly handshake: number;
  /** Until the last byte of a request's headers. */
  readonly headers: number;
  /** Between two requests of a connection. */
  readonly keepAlive: number;
}

const DEFAULT_LIMITS: ListenerLimits = {
  silence: 10_000,
  handshake: 10_000,
  headers: 30_000,
  keepAlive: 65_000,
};

/** A machine that vanished during a long transfer is noticed by the TCP stack. */
const KEEP_ALIVE_PROBE = 60_000;
/** How often a closing server looks for connections whose last request has ended. */
const IDLE_CHECK = 50;
/** The content type of a TLS handshake record (RFC 8446 section 5.1); no HTTP method begins so. */
const TLS_HANDSHAKE = 0x16;

/** Connections that become something else than HTTP at the wish of their client. */
export interface Upgrades {
  /** Whether this request may; all others that wish for it are answered as if they did not. */
  takes(request: IncomingMessage): boolean;
  /** Has the connection from here on, and answers its request. */
  answer(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends those that are open. They count as under way until they have ended. */
  end(): void;
}

export interface ListenerOptions {
  readonly certificates: ServerCertificates;
  readonly served: ServedNames;
  /** Whose plain HTTP is answered. */
  readonly trusts: Trusts;
  /** Request targets whose answers anyone may have in plain HTTP: load balancers follow no redirect. */
  readonly answersPlain: (target: string) => boolean;
  /**
   * Answers every request. When `continueExpected`, the client holds its body back until
   * `response.writeContinue()`, or goes without when it is refused.
   */
  readonly onRequest: (
    request: IncomingMessage,
    response: ServerResponse,
    continueExpected: boolean,
  ) => void;
  readonly upgrades: Upgrades;
  /** A TLS handshake failed, mostly because the client does not trust the certificate. */
  readonly onHandshakeFailure: (address: string, error: Error) => void;
  /** A request was answered before `onRequest` could have it, or none could be read. */
  readonly onRefusal: (status: number) => void;
  readonly limits?: Partial<ListenerLimits>;
}

export interface RunningListener {
  readonly port: number;
  /**
   * Accepts no more, lets the requests under way end for as long as `drainMilliseconds`, and
   * cuts those that are left.
   */
  close(options: { drainMilliseconds: number }): Promise<void>;
}

/** One TCP port that speaks TLS and plain HTTP, told apart by the first byte of a connection. */
export function createListener(options: ListenerOptions): {
  listen(at: { host: string; port: number }): Promise<RunningListener>;
} {
  const { certificates, served, trusts, answersPlain, onRequest, upgrades } = options;
  const { onHandshakeFailure, onRefusal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const connections = new Set<Socket>();
  /** Those that have brought no request yet, and so hold up no closing. */
  const fresh = new Set<Socket>();
  /** Those that carry HTTP, TLS sockets included. */
  const speaking = new Set<Socket>();
  const refusedPlain = new WeakSet<Socket>();
  let closing = false;

  const server = createServer({
    requestTimeout: 0,
    headersTimeout: limits.headers,
    keepAliveTimeout: limits.keepAlive,
    connectionsCheckingInterval: Math.min(limits.headers / 4, 5000),
    maxHeaderSize: MAXIMUM_HEADER_BYTES,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE,
    // RFC 9112 section 3.2 wants a 400; without this one would come that says nothing.
    requireHostHeader: false,
    // Over plain HTTP they are refused as all else is, by an answer.
    shouldUpgradeCallback: (request) =>
      !closing && !refusedPlain.has(request.socket) && upgrades.takes(request),
  });
  const speakHttp = takeConnectionListener(server);
  server.on('connection', tellApart);
  server.on('request', (request, response) => handle(request, response, false));
  server.on('checkContinue', (request, response) => handle(request, response, true));
  server.on('upgrade', (request, socket, head) => {
    fresh.delete(request.socket);
    upgrades.answer(request, socket, head);
  });
  server.on('clientError', (error, socket) =>
    answerClientError(error, socket as Socket, onRefusal),
  );

  const tlsServer = tls.createServer({
    ...secureOptions(certificates),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: limits.handshake,
  });
  tlsServer.on('secureConnection', (socket) => {
    admit(socket);
  });
  tlsServer.on('tlsClientError', (error, socket) => {
    onHandshakeFailure(addressBelow(socket), error);
    socket.destroy();
  });
  const stopFollowing = certificates.onChange(() =>
    tlsServer.setSecureContext(secureOptions(certificates)),
  );

  function tellApart(socket: Socket): void {
    connections.add(socket);
    fresh.add(socket);
    socket.once('close', () => {
      connections.delete(socket);
      fresh.delete(socket);
    });
    const close = (): void => void socket.destroy();
    socket.on('error', close);
    socket.once('end', close);
    socket.setTimeout(limits.silence, close);
    socket.once('data', (first: Buffer) => {
      socket.removeListener('end', close);
      socket.removeListener('error', close);
      socket.setTimeout(0, close);
      fresh.delete(socket);
      // Asked now, the socket remembers it; once the peer has gone, nobody can tell.
      if (socket.remoteAddress === undefined) {
        socket.destroy();
        return;
      }
      // What was read goes back as it is. Both ways of going on take it from the socket's buffer
      // once, and read from its handle afterwards, past the stream.
      socket.pause();
      socket.unshift(first);
      if (first[0] === TLS_HANDSHAKE) {
        tlsServer.emit('connection', socket);
      } else {
        if (!trusts(socket.remoteAddress)) refusedPlain.add(socket);
        admit(socket);
        socket.resume();
      }
    });
  }

  function admit(socket: Socket): void {
    if (closing || socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    fresh.add(socket);
    speaking.add(socket);
    socket.once('close', () => {
      fresh.delete(socket);
      speaking.delete(socket);
    });
    speakHttp(socket);
  }

  function handle(
    request: IncomingMessage,
    response: ServerResponse,
    continueExpected: boolean,
  ): void {
    const { socket } = request;
    fresh.delete(socket);
    if (closing) response.shouldKeepAlive = false;
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      onRefusal(400);
      const message = 'The request has no Host header, which HTTP/1.1 requires: send one.';
      refuse(request, response, continueExpected, message);
    } else if (!refusedPlain.has(socket) || answersPlain(request.url ?? '/')) {
      onRequest(request, response, continueExpected);
    } else if (request.method === 'GET' || request.method === 'HEAD') {
      onRefusal(308);
      response.writeHead(308, { Location: secureLocation(request, served), 'Content-Length': 0 });
      response.end();
    } else {
      onRefusal(400);
      const message = `This server takes ${request.method} requests over TLS only: send it to ${secureLocation(request, served)}, or name ${plainAddress(socket.remoteAddress ?? '')} in BERTH_TRUSTED_PROXIES if it is a proxy that ends TLS.`;
      refuse(request, response, continueExpected, message);
    }
  }

  async function close({ drainMilliseconds }: { drainMilliseconds: number }): Promise<void> {
    closing = true;
    stopFollowing();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of fresh) socket.destroy();
    for (const socket of speaking) tellToClose(socket);
    upgrades.end();
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_CHECK);
    const deadline = setTimeout(() => {
      for (const socket of connections) socket.destroy();
    }, drainMilliseconds);
    await closed;
    clearInterval(sweep);
    clearTimeout(deadline);
  }

  return {
    listen: (at) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(at, () => {
          server.removeListener('error', reject);
          resolve({ port: (server.address() as AddressInfo).port, close });
        });
      }),
  };
}

/**
 * The server's own way of speaking HTTP on a socket, taken off it so that connections can be looked
 * at first. It stays the one that listens: its timeouts, limits and closing cover every socket that
 * is given back to it, TLS or not.
 */
function takeConnectionListener(server: Server): (socket: Socket) => void {
  const [listener] = server.listeners('connection');
  if (listener === undefined) throw new Error('This Node.js serves HTTP in an unknown way');
  server.removeAllListeners('connection');
  return (socket) => listener.call(server, socket);
}

/** The address of the connection that carries a TLS socket, also when it has been reset. */
function addressBelow(socket: tls.TLSSocket): string {
  // A property of Node.js's own; without it the address is lost in the case that matters most.
  const { _parent } = socket as { _parent?: Socket };
  return plainAddress(_parent?.remoteAddress ?? socket.remoteAddress ?? '');
}

/** Where a plain request finds its answer, on a host that is ours whatever the request says. */
function secureLocation(request: IncomingMessage, served: ServedNames): string {
  const received = receivedRequest(undefined, false, request.headers, () => false);
  // A public URL with http is a proxy's, and sending strangers there in circles helps nobody.
  const origin = externalOrigin({ ...received, scheme: 'https' }, served).replace(
    /^http:/,
    'https:',
  );
  const target = request.url ?? '/';
  if (target.startsWith('/')) return origin + target;
  const url = URL.parse(target);
  return url === null ? `${origin}/` : origin + url.pathname + url.search;
}

/** 400, and the connection ends once the client can have read why. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  continueExpected: boolean,
  message: string,
): void {
  const body = errorBody(message);
  response.writeHead(400, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  response.write(body);
  if (continueExpected) {
    response.end();
  } else {
    request.once('end', () => response.end());
    drain(request);
  }
}
