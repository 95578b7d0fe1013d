import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Bytes in memory, or as many as `size` says that come when they are read. */
export type Content =
  | Uint8Array
  | { readonly size: number; readonly chunks: AsyncIterable<Uint8Array> };

export function sizeOf(content: Content): number {
  return content instanceof Uint8Array ? content.length : content.size;
}

/** The bytes of `content`. @throws when a stream holds more or fewer than its size says */
export async function* chunksOf(content: Content): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    yield content;
    return;
  }
  let seen = 0;
  for await (const chunk of content.chunks) {
    seen += chunk.length;
    if (seen > content.size) break;
    yield chunk;
  }
  if (seen !== content.size) {
    throw new Error(`A stream of ${content.size} bytes was promised; it holds another number.`);
  }
}

/** A file as it is when it is read, which may be more than once; its size is taken now. */
export async function fileContent(path: string): Promise<Content> {
  const { size } = await stat(path);
  return {
    size,
    chunks: { [Symbol.asyncIterator]: () => createReadStream(path)[Symbol.asyncIterator]() },
  };
}
