import { connect } from 'node:net';
import { bytesOf, isWhole, type RawRequest } from './raw-request.ts';

export interface WireReply {
  readonly status: number;
  /** Names in lower case, in the order they came. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export interface Outcome {
  /** Every reply that came, the interim ones left out. */
  readonly replies: readonly WireReply[];
  /** How the connection ended. */
  readonly end: 'closed' | 'reset' | 'refused' | 'timeout' | 'left';
  /** What is no HTTP about the bytes that came back. */
  readonly malformed: string | undefined;
  /** All that came back, as one text of bytes. */
  readonly received: Buffer;
}

const patienceMilliseconds = 30_000;
/** After the last byte, where the server may rightly wait for more. */
const lingerMilliseconds = 100;

/** Sends bytes over a connection of their own and takes all that comes back until it closes. */
export function exchange(port: number, request: RawRequest): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const whole = isWhole(request);
    let connected = false;
    let linger: NodeJS.Timeout | undefined;
    const leaveSoon = () => {
      if (whole) return;
      clearTimeout(linger);
      linger = setTimeout(() => finish('left'), lingerMilliseconds);
    };
    const timer = setTimeout(() => finish('timeout'), patienceMilliseconds);
    const finish = (end: Outcome['end']) => {
      clearTimeout(timer);
      clearTimeout(linger);
      socket.destroy();
      const received = Buffer.concat(chunks);
      resolve({ end, received, ...parseReplies(received, request.method === 'HEAD', end) });
    };
    socket
      .on('connect', () => {
        connected = true;
        socket.write(bytesOf(request), leaveSoon);
      })
      .on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        leaveSoon();
      })
      .on('end', () => finish('closed'))
      .on('error', () => finish(connected ? 'reset' : 'refused'));
  });
}

type Parsed = Pick<Outcome, 'replies' | 'malformed'>;

/** Strict, as far as it goes: RFC 9112 sections 4 to 7. */
function parseReplies(bytes: Buffer, answersHead: boolean, end: Outcome['end']): Parsed {
  const replies: WireReply[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const stop = rest.indexOf('\r\n\r\n');
    if (stop < 0) {
      return { replies, malformed: end === 'left' ? undefined : 'the head of a reply is cut off' };
    }
    const [statusLine = '', ...lines] = rest.subarray(0, stop).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) [\t\x20-\x7e\x80-\xff]*$/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) return { replies, malformed: `no status line: ${statusLine}` };
    const headers: [string, string][] = [];
    for (const line of lines) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
      if (field === null) return { replies, malformed: `no header field: ${line}` };
      headers.push([(field[1] ?? '').toLowerCase(), field[2] ?? '']);
    }
    rest = rest.subarray(stop + 4);
    if (status < 200) continue;
    const answersMethod = answersHead && replies.length === 0 && !isAnswerOfNoRequest(status, rest);
    const bodiless = status === 204 || status === 304 || answersMethod;
    const taken = bodiless ? { body: Buffer.alloc(0), rest } : takeBody(headers, rest);
    if (typeof taken === 'string') {
      const incomplete = { status, headers, body: rest };
      return {
        replies: [...replies, incomplete],
        malformed: end === 'left' ? undefined : `${taken} (status ${status})`,
      };
    }
    replies.push({ status, headers, body: taken.body });
    rest = taken.rest;
  }
  return { replies, malformed: undefined };
}

/** What is no HTTP is answered before its method is known, and with a body. */
function isAnswerOfNoRequest(status: number, rest: Buffer): boolean {
  return status === 400 && rest.length > 0 && !rest.subarray(0, 5).equals(Buffer.from('HTTP/'));
}

function takeBody(
  headers: readonly (readonly [string, string])[],
  rest: Buffer,
): { body: Buffer; rest: Buffer } | string {
  const lengths = headers.filter(([name]) => name === 'content-length');
  const chunked = headers.some(
    ([name, value]) => name === 'transfer-encoding' && value === 'chunked',
  );
  if (lengths.length > 1) return 'two lengths';
  if (chunked && lengths.length === 1) return 'a length and chunks';
  if (chunked) return takeChunks(rest);
  const written = lengths[0]?.[1];
  if (written === undefined) return { body: rest, rest: Buffer.alloc(0) };
  if (!/^\d+$/.test(written)) return 'a length that is no number';
  const length = Number(written);
  if (rest.length < length) return `${rest.length} of ${length} bytes of a body`;
  return { body: rest.subarray(0, length), rest: rest.subarray(length) };
}

function takeChunks(bytes: Buffer): { body: Buffer; rest: Buffer } | string {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const stop = rest.indexOf('\r\n');
    const line = rest.subarray(0, Math.max(stop, 0)).toString('latin1');
    if (stop < 0 || !/^[0-9a-fA-F]+$/.test(line)) return 'chunks that are cut off';
    const size = Number.parseInt(line, 16);
    rest = rest.subarray(stop + 2);
    if (rest.length < size + 2) return 'a chunk that is cut off';
    chunks.push(rest.subarray(0, size));
    rest = rest.subarray(size + 2);
    if (size === 0) return { body: Buffer.concat(chunks), rest };
  }
}

export function replyHeader({ headers }: WireReply, name: string): string | undefined {
  return headers.find(([other]) => other === name)?.[1];
}
