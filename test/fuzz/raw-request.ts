/** A request as it goes over the wire; nothing about it has to make sense. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** The client goes away after that many bytes of the whole. */
  readonly cutAt?: number;
}

/** Whether one whole request is sent, after which the server owes one reply and closes. */
export function isWhole(request: RawRequest): boolean {
  // Node.js closes the connection of a CONNECT, which only proxies answer.
  if (request.cutAt !== undefined || request.method === 'CONNECT') return false;
  const names = request.headers.map(([name]) => name.toLowerCase());
  const connections = request.headers.filter(([name]) => name.toLowerCase() === 'connection');
  if (connections.length !== 1 || connections[0]?.[1] !== 'close') return false;
  if (names.some((name) => ['transfer-encoding', 'upgrade', 'expect'].includes(name))) return false;
  if (names.filter((name) => name === 'content-length').length > 1) return false;
  return Number(headerOf(request, 'content-length') ?? '0') === request.body.length;
}

export function bytesOf({ method, target, headers, body, cutAt }: RawRequest): Buffer {
  const head = [
    `${method} ${target} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'utf8'), body]);
  return cutAt === undefined ? bytes : bytes.subarray(0, cutAt);
}

export function headerOf(request: RawRequest, name: string): string | undefined {
  return request.headers.find(([other]) => other.toLowerCase() === name)?.[1];
}

/** As a shell sends it again: `printf … | nc`. */
export function reproduction(request: RawRequest, port: number): string {
  const bytes = bytesOf(request);
  const shown = bytes.subarray(0, 6_000);
  let text = '';
  for (const byte of shown) {
    if (byte === 0x0d) text += '\\r';
    else if (byte === 0x0a) text += '\\n';
    else if (byte === 0x5c || byte === 0x25 || byte === 0x27 || byte < 0x20 || byte > 0x7e) {
      text += `\\${byte.toString(8).padStart(3, '0')}`;
    } else text += String.fromCharCode(byte);
  }
  const left = bytes.length - shown.length;
  return `printf '${text}' | nc -q 5 127.0.0.1 ${port}${left > 0 ? `   # and ${left} more bytes` : ''}`;
}
