import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '#lib/errors.ts';

/** A body must bring this many bytes within each window, or its connection is closed. */
const minimumBytesPerWindow = 1024;
const windowMilliseconds = 30_000;

/** The client went away, or was too slow, before its whole body had arrived. */
export class BodyInterrupted extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BodyInterrupted';
  }
}

interface Transfer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * The bytes of a request body as they arrive, for whoever has done with each chunk before asking for
 * the next: its memory is gone then. A client that waits for leave to send them gets it now, and
 * one that sends too slowly is cut off.
 * @throws {BodyInterrupted}
 */
export async function* bodyChunks(transfer: Transfer): AsyncGenerator<Buffer> {
  for await (const chunk of keptChunks(transfer)) {
    yield chunk;
    giveBack(chunk);
  }
}

/**
 * Left to the garbage collector, the chunks of a large body make it run every few megabytes, which
 * takes longer than all else that is done with them.
 */
function giveBack({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

async function* keptChunks({ request, response }: Transfer): AsyncGenerator<Buffer> {
  if (request.headers.expect !== undefined) response.writeContinue();
  let received = 0;
  let waiting = true;
  const reaper = setInterval(() => {
    if (waiting && received < minimumBytesPerWindow) {
      request.destroy(new BodyInterrupted('the body arrived too slowly'));
    }
    received = 0;
  }, windowMilliseconds);
  reaper.unref();
  try {
    // An early end must leave the connection open: the refusal still has to reach the client.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      waiting = false;
      received += chunk.length;
      yield chunk;
      waiting = true;
    }
  } catch (error) {
    if (error instanceof BodyInterrupted) throw error;
    throw new BodyInterrupted('the client closed the connection', { cause: error });
  } finally {
    clearInterval(reaper);
  }
}

/**
 * A whole request body of at most `limit` bytes.
 * @throws {Refusal} `too-large`
 * @throws {BodyInterrupted}
 */
export async function readBody(transfer: Transfer, limit: number, what: string) {
  const tooLarge = () =>
    new Refusal('too-large', `${what} is larger than the ${limit} bytes that are accepted.`);
  const length = declaredLength(transfer.request);
  if (length !== undefined && length > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of keptChunks(transfer)) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The Content-Length of a request; undefined when its body is chunked. */
export function declaredLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
}

/** True when a request announces no body at all. */
export function hasNoBody(request: IncomingMessage): boolean {
  const length = declaredLength(request);
  return (
    length === 0 || (length === undefined && request.headers['transfer-encoding'] === undefined)
  );
}

/**
 * Whether a client that asked for leave to send its body still waits for it. Once it is refused,
 * it may send the body or leave it out.
 */
export function withholdsBody({ request }: Transfer): boolean {
  return request.headers.expect !== undefined && !request.readableDidRead;
}

/**
 * Before an early refusal: takes a declared body of at most `limit` bytes. Some clients hear nothing
 * while they send; containerd 1.6 and what is built on it then wait for ever.
 * @throws {BodyInterrupted}
 */
export async function takeBody(transfer: Transfer, limit: number): Promise<void> {
  const { request } = transfer;
  const length = declaredLength(request);
  if (length === undefined || length > limit || request.complete) return;
  if (request.headers.expect !== undefined) return;
  for await (const _chunk of bodyChunks(transfer));
}

/** More than the largest manifest, so that one that is too large by little breaks nothing off. */
const drainBytes = 16 * 1024 * 1024;
const drainMilliseconds = 5_000;

/**
 * After an early refusal: takes a bounded amount of what the client still sends, so that it gets to
 * read the reply instead of a reset connection.
 */
export function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let left = drainBytes;
  // Once its reply is out, Node.js may take the rest of a request by itself and tell nobody.
  const giveUp = () => {
    if (!request.complete) request.destroy();
  };
  const timer = setTimeout(giveUp, drainMilliseconds).unref();
  request
    .on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) giveUp();
    })
    .on('close', () => clearTimeout(timer))
    .on('end', () => clearTimeout(timer))
    .on('error', () => {})
    .resume();
}
