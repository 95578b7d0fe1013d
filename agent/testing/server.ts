import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  type AgentCalls,
  agentConnectionPath,
  agentEnrolmentPath,
  type Enrolment,
} from '#contract/agent.ts';
import { createRemoteCalls, type RemoteCalls } from '#lib/remote-calls.ts';
import { createClusterAuthority } from '../../test/cluster/identities.ts';

/** What an agent asked of the server, in order. */
export interface Asked {
  readonly method: string;
  readonly parameters: unknown;
}

/** The server's side of the protocol and nothing behind it: what a test makes it answer. */
export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly name: string;
  readonly authority: string;
  readonly asked: readonly Asked[];
  readonly enrolments: readonly { readonly token: string; readonly body: Enrolment }[];
  /** The secrets of the connections, as they were opened. */
  readonly opened: readonly { readonly identity: string; readonly proof: string }[];
  /** Identities that may connect. */
  readonly identities: Set<string>;
  readonly tokens: Set<string>;
  /** How many connections are open. */
  connections(): number;
  call<Name extends keyof AgentCalls>(
    method: Name,
    parameters: Parameters<AgentCalls[Name]>[0],
  ): Promise<unknown>;
  /** Sends something that may be no message. */
  send(data: string | Buffer): void;
  /** Breaks every connection off without a farewell. */
  cut(): void;
  /** Stops hearing what comes, as a peer that is gone does. */
  fallSilent(): void;
}

export async function startTestServer(
  answer: (asked: Asked) => unknown = () => ({}),
): Promise<TestServer> {
  const authority = await createClusterAuthority();
  const { certificate, key } = await authority.server([{ type: 'ip', value: '127.0.0.1' }]);
  const asked: Asked[] = [];
  const enrolments: { token: string; body: Enrolment }[] = [];
  const opened: { identity: string; proof: string }[] = [];
  const identities = new Set<string>();
  const tokens = new Set<string>();
  const open = new Map<WebSocket, RemoteCalls>();
  let made = 0;

  const http = createServer({ cert: certificate, key }, (request, response) => {
    void text(request).then((body) => {
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      if (request.url !== agentEnrolmentPath || !tokens.delete(token)) {
        response.statusCode = 401;
        const message = 'This connect token was used already.';
        response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message }] }));
        return;
      }
      enrolments.push({ token, body: JSON.parse(body) as Enrolment });
      const secret = `identity-${++made}`;
      identities.add(secret);
      response.end(JSON.stringify({ cluster: 'test', secret }));
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    const identity = (request.headers.authorization ?? '').replace('Bearer ', '');
    if (request.url !== agentConnectionPath || !identities.has(identity)) {
      const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'Not known.' }] });
      socket.end(
        `HTTP/1.1 401 Unauthorized\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      return;
    }
    opened.push({ identity, proof: String(request.headers['berth-cluster-proof']) });
    sockets.handleUpgrade(request, socket, head, take);
  });

  function take(socket: WebSocket): void {
    const answers = new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }),
        get: (_target, method) => async (parameters: unknown) => {
          const one = { method: String(method), parameters };
          asked.push(one);
          return await answer(one);
        },
      },
    );
    const calls = createRemoteCalls({
      send: (message) => socket.send(message),
      answers,
      report: () => undefined,
    });
    open.set(socket, calls);
    socket.on('message', (data) => calls.receive(data.toString()));
    socket.on('close', () => {
      open.delete(socket);
      calls.close('The connection ended.');
    });
    socket.on('error', () => undefined);
  }

  function current(): [WebSocket, RemoteCalls] {
    const last = [...open].at(-1);
    if (last === undefined) throw new Error('No agent is connected.');
    return last;
  }

  const connected = new Set<Socket>();
  http.on('connection', (socket) => {
    connected.add(socket);
    socket.on('close', () => connected.delete(socket));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    name: `127.0.0.1:${(http.address() as AddressInfo).port}`,
    authority: authority.certificate,
    asked,
    enrolments,
    opened,
    identities,
    tokens,
    connections: () => open.size,
    call: async (method, parameters) => await current()[1].call(method, parameters),
    send: (data) => current()[0].send(data),
    cut: () => {
      for (const socket of open.keys()) socket.terminate();
    },
    fallSilent: () => {
      for (const socket of open.keys()) socket.pause();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of connected) socket.destroy();
      await closed;
    },
  };
}
