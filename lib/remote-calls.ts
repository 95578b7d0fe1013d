import { Refusal, type RefusalKind } from './errors.ts';

/** Answers one method; what it throws as a `Refusal` reaches the caller as one. */
export type Answer = (parameters: unknown) => Promise<unknown>;

export interface RemoteCallsOptions {
  /** Takes one message to the other side. */
  readonly send: (text: string) => void;
  /** What the other side may call, by name. Each checks its parameters itself. */
  readonly answers: Readonly<Record<string, Answer>>;
  /** Hears of a failure behind an answer that is no refusal. */
  readonly report: (method: string, error: unknown) => void;
  readonly timeoutMilliseconds?: number;
  /** Calls of the other side that are answered at one time. */
  readonly mostUnderWay?: number;
  /** Calls of this side that go out before answers come; further ones wait for their turn. */
  readonly mostUnanswered?: number;
  /** Calls that wait for their turn; further ones are refused. */
  readonly mostQueued?: number;
}

/** Calls in both directions over one connection that carries texts whole and in order. */
export interface RemoteCalls {
  /**
   * @throws {Refusal} what the other side refused; `unavailable` when no answer came
   */
  call(method: string, parameters: unknown): Promise<unknown>;
  /**
   * Takes a message of the other side.
   * @throws {Refusal} `invalid` for what is no message, `too-many-requests` for one too many:
   *   the connection is to be closed
   */
  receive(text: string): void;
  /** No answer comes any more. */
  close(reason: string): void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

interface Queued extends Omit<Waiting, 'timer'> {
  readonly method: string;
  readonly parameters: unknown;
}

const kinds: ReadonlySet<unknown> = new Set<RefusalKind>([
  'invalid',
  'unauthenticated',
  'denied',
  'not-found',
  'conflict',
  'precondition',
  'too-large',
  'too-many-requests',
  'no-space',
  'unavailable',
]);

export function createRemoteCalls(options: RemoteCallsOptions): RemoteCalls {
  const { send, answers, report, timeoutMilliseconds = 30_000 } = options;
  const { mostUnderWay = 256, mostUnanswered = 128, mostQueued = 10_000 } = options;
  const waiting = new Map<number, Waiting>();
  const queued: Queued[] = [];
  let lastId = 0;
  let underWay = 0;
  let closed: string | undefined;

  function settle(id: number): Waiting | undefined {
    const entry = waiting.get(id);
    if (entry === undefined) return undefined;
    waiting.delete(id);
    clearTimeout(entry.timer);
    sendQueued();
    return entry;
  }

  function sendQueued(): void {
    while (closed === undefined && waiting.size < mostUnanswered) {
      const next = queued.shift();
      if (next === undefined) return;
      const { method, parameters, resolve, reject } = next;
      lastId += 1;
      const id = lastId;
      const timer = setTimeout(() => {
        settle(id)?.reject(new Refusal('unavailable', `${method} was not answered in time.`));
      }, timeoutMilliseconds);
      waiting.set(id, { resolve, reject, timer });
      send(JSON.stringify({ id, method, parameters }));
    }
  }

  async function answer(id: number, method: string, parameters: unknown): Promise<void> {
    underWay += 1;
    const reply = await answerTo(method, parameters);
    underWay -= 1;
    if (closed === undefined) send(JSON.stringify({ id, ...reply }));
  }

  async function answerTo(method: string, parameters: unknown): Promise<object> {
    const known = Object.hasOwn(answers, method) ? answers[method] : undefined;
    if (known === undefined) {
      return refusal(new Refusal('not-found', `There is no method ${method.slice(0, 64)} here.`));
    }
    try {
      return { result: (await known(parameters)) ?? {} };
    } catch (error) {
      if (error instanceof Refusal) return refusal(error);
      report(method, error);
      return refusal(new Refusal('unavailable', `${method} failed: see the log of this side.`));
    }
  }

  return {
    call(method, parameters) {
      if (closed !== undefined) return Promise.reject(new Refusal('unavailable', closed));
      if (queued.length >= mostQueued) {
        return Promise.reject(
          new Refusal('unavailable', `${mostQueued} calls wait already: ask again later.`),
        );
      }
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      queued.push({ method, parameters, resolve, reject });
      sendQueued();
      return promise;
    },
    receive(text) {
      const message = parse(text);
      if (message === undefined)
        throw new Refusal('invalid', 'The message is none of this protocol.');
      if (message.method !== undefined) {
        if (underWay >= mostUnderWay) {
          throw new Refusal('too-many-requests', `More than ${mostUnderWay} calls are under way.`);
        }
        void answer(message.id, message.method, message.parameters);
        return;
      }
      const entry = settle(message.id);
      if (entry === undefined) return;
      if (message.error === undefined) entry.resolve(message.result);
      else entry.reject(new Refusal(message.error.kind, message.error.message));
    },
    close(reason) {
      closed ??= reason;
      const unanswered = [...waiting.keys()].flatMap((id) => settle(id) ?? []);
      for (const { reject } of [...unanswered, ...queued.splice(0)]) {
        reject(new Refusal('unavailable', reason));
      }
    },
  };
}

interface Message {
  readonly id: number;
  readonly method?: string;
  readonly parameters?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly kind: RefusalKind; readonly message: string };
}

function refusal({ kind, message }: Refusal): object {
  return { error: { kind, message } };
}

function parse(text: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, method, parameters, result, error } = value as Record<string, unknown>;
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) return undefined;
  if (typeof method === 'string') return { id, method, parameters };
  if (method !== undefined) return undefined;
  if (error === undefined) return { id, result };
  if (typeof error !== 'object' || error === null) return undefined;
  const { kind, message } = error as Record<string, unknown>;
  if (!kinds.has(kind) || typeof message !== 'string') return undefined;
  return { id, error: { kind: kind as RefusalKind, message: message.slice(0, 2_048) } };
}
