import { once } from 'node:events';
import { type Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { anonymous } from '#server/permissions/principals.ts';
import type { Authenticate } from '../access.ts';
import type { AuthenticatedExchange, Exchange } from '../exchange.ts';
import { createRegistryLifecycle } from '../lifecycle.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The client's, which tells connections apart. */
  readonly port: number | undefined;
}

interface Lifecycle extends AsyncDisposable {
  readonly port: number;
  readonly failures: unknown[];
  readonly seen: Exchange[];
  request(
    options?: { method?: string; path?: string; headers?: Record<string, string>; agent?: Agent },
    body?: string,
  ): Promise<Answer>;
}

/** A server whose only route is `handle`. */
export async function serve(
  handle: (exchange: AuthenticatedExchange) => Promise<void>,
  authenticate: Authenticate = () => ({ principal: anonymous }),
): Promise<Lifecycle> {
  const failures: unknown[] = [];
  const seen: Exchange[] = [];
  const server = createServer(
    createRegistryLifecycle({
      refresh: () => {},
      authenticate,
      handle,
      originOf: () => ({ origin: 'https://registry.test', address: '192.0.2.1' }),
      onRequest: (exchange) => seen.push(exchange),
      onFailure: (_, error) => failures.push(error),
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    failures,
    seen,
    async request({ method = 'GET', path = '/v2/', ...options } = {}, body) {
      const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, ...options });
      outgoing.end(body);
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      return {
        status: response.statusCode ?? 0,
        port: response.socket.localPort,
        headers: response.headers,
        body: (await buffer(response)).toString('utf8'),
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function throwing(error: unknown) {
  return async () => {
    throw error;
  };
}
