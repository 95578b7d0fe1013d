import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { errorOfStatus, KubernetesUnreachable } from './errors.ts';

export type WatchEvent<Item> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Item }
  /** Nothing happened up to there. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** An object of Kubernetes is at most about 1.5 MiB; JSON may take more. */
const maximumLine = 8 * 1024 * 1024;

/**
 * The events of a watch, until the server ends it. `open` gets a signal that ends the answer when
 * nobody reads on.
 * @throws {KubernetesError} what an `ERROR` event says, 410 above all
 * @throws {KubernetesUnreachable} for an answer that breaks off or is no watch
 */
export async function* readEvents<Item>(
  open: (ended: AbortSignal) => Promise<IncomingMessage>,
): AsyncGenerator<WatchEvent<Item>> {
  const ended = new AbortController();
  try {
    for await (const line of lines(await open(ended.signal))) yield eventOf<Item>(line);
  } finally {
    ended.abort();
  }
}

async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      let text = decoder.write(chunk);
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        parts.push(text.slice(0, end));
        const line = parts.join('');
        parts = [];
        size = 0;
        text = text.slice(end + 1);
        if (line.trim() !== '') yield line;
      }
      if (text === '') continue;
      parts.push(text);
      size += text.length;
      if (size > maximumLine) {
        throw new KubernetesUnreachable(`An event of a watch is larger than ${maximumLine} bytes.`);
      }
    }
  } catch (error) {
    if (error instanceof KubernetesUnreachable) throw error;
    throw new KubernetesUnreachable('The API server broke off a watch.', { cause: error });
  }
  if (size > 0) throw new KubernetesUnreachable('A watch ended in the middle of an event.');
}

function eventOf<Item>(line: string): WatchEvent<Item> {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw new KubernetesUnreachable('An event of a watch is no JSON.', { cause: error });
  }
  const { type, object } = (event ?? {}) as { type?: unknown; object?: unknown };
  if (typeof object !== 'object' || object === null) {
    throw new KubernetesUnreachable('An event of a watch holds no object.');
  }
  switch (type) {
    case 'ERROR':
      throw errorOfStatus(200, object);
    case 'BOOKMARK': {
      const { metadata } = object as { metadata?: { resourceVersion?: unknown } };
      return { type, resourceVersion: String(metadata?.resourceVersion ?? '') };
    }
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (!isNamed(object)) throw new KubernetesUnreachable('An event of a watch names no object.');
      return { type, object: object as Item };
    default:
      throw new KubernetesUnreachable('An event of a watch has a type that is none.');
  }
}

function isNamed(object: object): boolean {
  const { metadata } = object as { metadata?: { name?: unknown } };
  return typeof metadata?.name === 'string';
}
