import type { RawData, WebSocket } from 'ws';
import { Refusal } from '#lib/errors.ts';
import { type Answer, createRemoteCalls } from '#lib/remote-calls.ts';
import type { ClusterReference } from './answers.ts';
import { limitFloods } from './flood-limits.ts';

const pingMilliseconds = 10_000;
const silenceMilliseconds = 25_000;
/** Of what is said to an agent and not read by it. */
const mostUnread = 16 * 1024 * 1024;
/** For the other side to close its end. */
const closingMilliseconds = 1_000;
/** RFC 6455 section 5.5: of a control frame, less the code. */
const longestReason = 123;

/** Not the backslash that is itself escaped, whatever follows it. */
const escapedNull = /(?<!\\)(?:\\\\)*\\u0000/;

/** RFC 6455 section 7.4.1. */
const closeCodes = { stopping: 1001, nonsense: 1007, refused: 1008 } as const;

/** The connection of one agent. */
export interface AgentSession {
  readonly cluster: ClusterReference;
  /** As the database names it. */
  readonly connection: string;
  /** @throws {Refusal} what the agent refused; `unavailable` when no answer came */
  call(method: string, parameters: unknown): Promise<unknown>;
  close(why: keyof typeof closeCodes, reason: string): void;
  /** Whether it is open: it may end at any moment. */
  isOpen(): boolean;
  /** Resolves to the reason. */
  readonly ended: Promise<string>;
}

export interface SessionOptions {
  readonly socket: WebSocket;
  readonly cluster: ClusterReference;
  readonly connection: string;
  readonly answers: Readonly<Record<string, Answer>>;
  /** Hears of what failed by our own fault. */
  readonly report: (error: unknown) => void;
}

export function openSession(options: SessionOptions): AgentSession {
  const { socket, cluster, connection, answers, report } = options;
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const isFlood = limitFloods();
  let heardAt = performance.now();
  let closedFor: string | undefined;

  const calls = createRemoteCalls({
    send: (text) => socket.send(text),
    answers,
    report: (method, error) => report(new Error(`${method} failed`, { cause: error })),
  });

  const pings = setInterval(() => {
    if (performance.now() - heardAt > silenceMilliseconds) {
      closedFor ??= 'the agent fell silent';
      socket.terminate();
    } else {
      socket.ping();
    }
  }, pingMilliseconds).unref();

  function close(why: keyof typeof closeCodes, reason: string): void {
    if (closedFor !== undefined) return;
    closedFor = reason;
    calls.close(reason);
    socket.close(closeCodes[why], cut(reason));
    setTimeout(() => socket.terminate(), closingMilliseconds).unref();
  }

  /** Whoever reads nothing may not go on asking: what waits for them fills the memory. */
  function isTooMuch(bytes: number): boolean {
    if (socket.bufferedAmount > mostUnread) {
      closedFor = 'the agent reads no answers';
      socket.terminate();
      return true;
    }
    if (!isFlood(bytes)) return false;
    close('refused', 'the agent sends more than this server takes: it may come back later');
    return true;
  }

  // Each is answered, by a frame of its own.
  socket.on('ping', (data: Buffer) => {
    heardAt = performance.now();
    if (closedFor === undefined) isTooMuch(data.length);
  });
  socket.on('pong', () => {
    heardAt = performance.now();
  });
  socket.on('message', (data: RawData, isBinary: boolean) => {
    heardAt = performance.now();
    if (closedFor !== undefined) return;
    const bytes = data as Buffer;
    if (isTooMuch(bytes.length)) return;
    const text = isBinary ? '' : bytes.toString('utf8');
    try {
      // No text of PostgreSQL, and in no name of Kubernetes.
      if (escapedNull.test(text)) throw new Refusal('invalid', 'A text holds U+0000.');
      calls.receive(text);
    } catch (error) {
      if (error instanceof Refusal) {
        close(error.kind === 'invalid' ? 'nonsense' : 'refused', error.message);
      } else {
        report(error);
        close('refused', 'the message could not be read');
      }
    }
  });
  socket.on('error', (error) => {
    closedFor ??= error.message;
  });
  socket.on('close', (code, reason) => {
    clearInterval(pings);
    const why =
      closedFor ??
      (reason.length > 0 ? `the agent left: ${reason}` : `the connection ended (${code})`);
    calls.close(why);
    resolve(why);
  });

  return {
    cluster,
    connection,
    call: calls.call,
    close,
    isOpen: () => socket.readyState === socket.OPEN,
    ended,
  };
}

function cut(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= longestReason
    ? reason
    : bytes
        .subarray(0, longestReason)
        .toString('utf8')
        .replace(/\uFFFD+$/, '');
}
