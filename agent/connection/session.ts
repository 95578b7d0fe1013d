import { Value } from 'typebox/value';
import WebSocket from 'ws';
import {
  type AgentCalls,
  agentConnectionPath,
  agentMethods,
  maximumAgentMessage,
  type ServerCalls,
  serverMethods,
} from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import { type Answer, createRemoteCalls } from '#lib/remote-calls.ts';
import { refusalOf, unreachable } from './answers.ts';

/** One connection to the server, from its opening to its end. */
export interface Session {
  call(method: string, parameters: unknown): Promise<unknown>;
  /** Resolves with why it ended. */
  readonly closed: Promise<string>;
  close(reason: string): void;
}

export interface SessionOptions {
  /** `https://host[:port]` */
  readonly address: string;
  readonly authorities: string | undefined;
  readonly identity: string;
  /** Of the agent's own ServiceAccount. */
  readonly proof: string;
  readonly answers: Partial<AgentCalls>;
  readonly report: (method: string, error: unknown) => void;
  readonly signal: AbortSignal;
  readonly timing?: SessionTiming;
}

export interface SessionTiming {
  readonly pingMilliseconds: number;
  /** Without a sign of the other side for that long, there is none. */
  readonly silenceMilliseconds: number;
}

const openingMilliseconds = 15_000;
const usual: SessionTiming = { pingMilliseconds: 10_000, silenceMilliseconds: 25_000 };

/** @throws {Refusal} in the server's words, or why it is not reached */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { address, report, signal } = options;
  const { pingMilliseconds, silenceMilliseconds } = options.timing ?? usual;
  const socket = await openSocket(options);
  const calls = createRemoteCalls({
    send: (text) => socket.send(text),
    answers: checkedAnswers(options.answers),
    report,
  });
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  let reason: string | undefined;
  let heard = performance.now();
  const listen = () => {
    heard = performance.now();
  };
  const pings = setInterval(() => {
    if (performance.now() - heard > silenceMilliseconds) {
      reason = `${address} has said nothing for ${silenceMilliseconds / 1_000} s.`;
      socket.terminate();
    } else socket.ping();
  }, pingMilliseconds);

  function close(why: string): void {
    reason ??= why;
    socket.close(1000);
    // A server that does not answer the farewell is left all the same.
    setTimeout(() => socket.terminate(), 1_000).unref();
  }
  const onAbort = () => close('The agent ends.');

  socket.on('ping', listen);
  socket.on('pong', listen);
  socket.on('message', (data, isBinary) => {
    listen();
    try {
      if (isBinary) throw new Refusal('invalid', 'The message is none of this protocol.');
      calls.receive(data.toString());
    } catch (error) {
      close(error instanceof Error ? error.message : String(error));
    }
  });
  socket.on('error', (error) => {
    reason ??= error.message;
  });
  socket.on('close', (code, text) => {
    clearInterval(pings);
    signal.removeEventListener('abort', onAbort);
    reason ??= text.toString() || `${address} closed the connection (${code}).`;
    calls.close(reason);
    resolve(reason);
  });
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  return { call: calls.call, closed, close };
}

function openSocket(options: SessionOptions): Promise<WebSocket> {
  const { address, authorities, identity, proof, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const url = new URL(agentConnectionPath, address);
  url.protocol = 'wss:';
  const socket = new WebSocket(url, {
    ...(authorities !== undefined && { ca: authorities }),
    headers: { authorization: `Bearer ${identity}`, 'berth-cluster-proof': proof },
    handshakeTimeout: openingMilliseconds,
    maxPayload: maximumAgentMessage,
    perMessageDeflate: false,
    followRedirects: false,
  });
  const onAbort = () => socket.terminate();
  const settle = () => signal.removeEventListener('abort', onAbort);
  signal.addEventListener('abort', onAbort);
  socket.on('open', () => {
    settle();
    resolve(socket);
  });
  socket.on('unexpected-response', (_request, response) => {
    settle();
    void refusalOf(response, address).then((refusal) => {
      reject(refusal);
      socket.terminate();
    });
  });
  socket.on('error', (error) => {
    settle();
    reject(unreachable(address, error));
  });
  return promise;
}

/** What the server asks for is checked before anything of it is done. */
function checkedAnswers(answers: Partial<AgentCalls>): Readonly<Record<string, Answer>> {
  const methods = Object.keys(answers) as (keyof AgentCalls)[];
  return Object.fromEntries(
    methods.map((method): [string, Answer] => [
      method,
      async (parameters) => {
        if (!Value.Check(agentMethods[method].parameters, parameters)) {
          throw new Refusal('invalid', `The parameters of ${method} are not of its shape.`);
        }
        return await answers[method]?.(parameters as never);
      },
    ]),
  );
}

/** The server's methods as functions; what it answers is checked too. */
export function serverCalls(
  call: (method: string, parameters: unknown) => Promise<unknown>,
): ServerCalls {
  const methods = Object.keys(serverMethods) as (keyof ServerCalls)[];
  return Object.fromEntries(
    methods.map((method) => [
      method,
      async (parameters: unknown) => {
        const result = await call(method, parameters);
        if (Value.Check(serverMethods[method].result, result)) return result;
        throw new Refusal('unavailable', `The server's answer to ${method} is not of its shape.`);
      },
    ]),
  ) as unknown as ServerCalls;
}
