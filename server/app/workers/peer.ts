import { Refusal } from '#lib/errors.ts';
import { type CrossingError, packError, unpackError } from '#server/database/sqlite/crossing.ts';

/** What one process does for another: plain data in, plain data out. */
export type Methods<Names extends string = string> = {
  // biome-ignore lint/suspicious/noExplicitAny: methods of all shapes have no narrower type
  readonly [Name in Names]: (input: any) => unknown;
};

/** The process at the other end of the channel. */
export interface Peer<Theirs extends Methods<keyof Theirs & string>> {
  /** @throws {Refusal} `unavailable` when the other process has ended; else what its method throws */
  call<Name extends keyof Theirs & string>(
    name: Name,
    ...input: Parameters<Theirs[Name]>
  ): Promise<Awaited<ReturnType<Theirs[Name]>>>;
}

/** This process's end of the channel: `process` below, a child above. */
export interface Channel {
  readonly connected?: boolean;
  send?(
    message: unknown,
    handle: undefined,
    options: object,
    sent: (error: unknown) => void,
  ): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

type Message =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'output'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: CrossingError };

/**
 * Lets two processes call each other. What a turn of the event loop gives to send goes as one
 * message.
 * @param gone said to whoever waits for an answer that cannot come
 */
export function connectPeer<Theirs extends Methods<keyof Theirs & string>>(
  channel: Channel,
  methods: Methods,
  gone: string,
): Peer<Theirs> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let outgoing: Message[] = [];

  channel.on('message', (received) => {
    for (const message of received as readonly Message[]) take(message);
  });
  channel.on('disconnect', () => {
    for (const { reject } of waiting.values()) reject(new Refusal('unavailable', gone));
    waiting.clear();
  });

  function take(message: Message): void {
    if (message.kind === 'call') {
      void answer(message);
      return;
    }
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'output') asked?.resolve(message.output);
    else asked?.reject(unpackError(message.error));
  }

  async function answer({ id, name, input }: Extract<Message, { kind: 'call' }>): Promise<void> {
    try {
      const method = methods[name];
      if (method === undefined) throw new Error(`This process does nothing named ${name}`);
      post({ kind: 'output', id, output: await method(input) });
    } catch (error) {
      post({ kind: 'error', id, error: packError(error) });
    }
  }

  function post(message: Message): void {
    if (outgoing.length === 0) setImmediate(flush);
    outgoing.push(message);
  }

  function flush(): void {
    const messages = outgoing;
    outgoing = [];
    try {
      send(messages);
    } catch {
      for (const message of messages) sendAlone(message);
    }
  }

  /** Names the one that cannot be cloned, and spares the others of its turn. */
  function sendAlone(message: Message): void {
    try {
      send([message]);
    } catch (error) {
      if (message.kind === 'call') {
        waiting.get(message.id)?.reject(error);
        waiting.delete(message.id);
      } else {
        send([{ kind: 'error', id: message.id, error: packError(error) }]);
      }
    }
  }

  function send(messages: readonly Message[]): void {
    // Whoever waits for an answer hears of a channel that has closed by its end.
    channel.send?.(messages, undefined, {}, () => {});
  }

  return {
    call(name, ...[input]) {
      const asked = Promise.withResolvers<unknown>();
      if (channel.connected === true) {
        const id = ++lastId;
        waiting.set(id, asked);
        post({ kind: 'call', id, name, input });
      } else {
        asked.reject(new Refusal('unavailable', gone));
      }
      return asked.promise as Promise<never>;
    },
  };
}
