import { gzipSync } from 'node:zlib';
import type { Random } from '#test/random.ts';
import { bytesOf, headerOf, type RawRequest } from './raw-request.ts';
import { chance, json, oneOf } from './values.ts';

type Mutation = (random: Random, request: RawRequest) => RawRequest;

/** Breaks one thing about a request. */
export const mutate: Mutation = (random, request) => oneOf(random, mutations)(random, request);

const insertions = [
  '%00',
  '%2f',
  '%2F',
  '%5c',
  '%0d%0a',
  '%25',
  '%',
  '%zz',
  '%ff',
  '%c0%af',
  '%ed%a0%80',
  '%2e%2e',
  '..',
  '/../',
  '/./',
  '//',
  '\\',
  '\t',
  ' ',
  '#',
  '?',
  ';',
  '\u00e9',
  '\u{1f98a}',
  '%F0%9F%A6%8A',
  '*',
  '@',
  'a'.repeat(9_000),
  '/a'.repeat(3_000),
];

const hostileHeaders: readonly (readonly [string, string])[] = [
  ['Authorization', 'Basic'],
  ['Authorization', 'Basic ====='],
  ['Authorization', `Basic ${btoa('alice')}`],
  ['Authorization', `Basic ${btoa(':')}`],
  ['Authorization', `Basic ${Buffer.from('a\0b:c\0d').toString('base64')}`],
  ['Authorization', `Basic ${Buffer.from([0xff, 0xfe, 0x3a, 0x80]).toString('base64')}`],
  ['Authorization', `Basic ${btoa(`${'a'.repeat(3_000)}:b`)}`],
  ['Authorization', `Basic ${btoa('robot$alpha+x:y')}`],
  ['Authorization', 'Bearer'],
  ['Authorization', 'Bearer a.b.c'],
  ['Authorization', `Bearer ${btoa('{"alg":"none"}')}.${btoa('{"sub":"admin"}')}.`],
  ['Authorization', 'Digest username="x"'],
  ['Authorization', ''],
  ['Range', 'bytes=0-18446744073709551616'],
  ['Content-Range', '0-18446744073709551616'],
  ['Content-Length', '-1'],
  ['Content-Length', '1e3'],
  ['Content-Length', '99999999999999999999'],
  ['Content-Length', '0'],
  ['Transfer-Encoding', 'chunked'],
  ['Transfer-Encoding', 'gzip, chunked'],
  ['Transfer-Encoding', 'identity'],
  ['Transfer-Encoding', ' chunked'],
  ['Expect', '100-continue'],
  ['Expect', 'a miracle'],
  ['Upgrade', 'h2c'],
  ['Connection', 'upgrade'],
  ['Connection', 'keep-alive'],
  ['Host', ''],
  ['Host', 'evil.example.com'],
  ['Host', 'a b'],
  ['Host', '[::1]:99999'],
  ['Host', 'localhost:5000:5000'],
  ['If-None-Match', '*'],
  ['If-None-Match', '"'.repeat(50)],
  ['If-Match', 'W/"x"'],
  ['If-Modified-Since', 'never'],
  ['If-Range', '"x"'],
  ['Accept', '*/*'.repeat(200)],
  ['Accept', ''],
  ['Accept-Encoding', 'gzip;q=NaN, br'],
  ['Content-Type', 'application/json; charset=utf-7'],
  ['Content-Type', 'text/xml'],
  ['Content-Type', ';'],
  ['Content-Type', 'multipart/form-data'],
  ['Content-Type', 'multipart/form-data; boundary=""'],
  ['Content-Encoding', 'gzip'],
  ['Forwarded', 'for="[::1"; host=x'],
  ['X-Forwarded-For', '999.1.1.1, ::1'],
  ['X-Forwarded-Host', 'a"b<c>'],
  ['X-Forwarded-Proto', 'gopher'],
  ['X-Request-Id', 'a'.repeat(2_000)],
  ['X-Request-Id', '"\'<script>'],
  ['X-Is-Resource-Name', 'true'],
  ['Docker-Content-Digest', 'sha256:0'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['X-Huge', 'h'.repeat(20_000)],
  ['X-Bad Name', 'x'],
  ['X-Bytes', '\u00ff\u0100'],
  ['X-Null', 'a\0b'],
  ['X-Folded', 'a\r\n b'],
  ['X-Split', 'a\r\nX-Second: b'],
  ['Traceparent', '00-zz-zz-00'],
  ['Cookie', 'a=b; __Host-x'],
  ['Origin', 'null'],
  ['Sec-Fetch-Site', 'cross-site'],
];

const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  'PROPFIND',
  'M-SEARCH',
  'X',
  'G ET',
];

const mutations: readonly Mutation[] = [
  (random, request) => {
    const at = random.integer(request.target.length + 1);
    const { target } = request;
    return {
      ...request,
      target: `${target.slice(0, at)}${oneOf(random, insertions)}${target.slice(at)}`,
    };
  },
  (random, request) => {
    const at = random.integer(request.target.length);
    const { target } = request;
    const code = target.charCodeAt(at).toString(16).padStart(2, '0').slice(-2);
    return { ...request, target: `${target.slice(0, at)}%${code}${target.slice(at + 1)}` };
  },
  (random, request) => ({
    ...request,
    target: oneOf(random, [
      request.target.toUpperCase(),
      `http://evil.example.com${request.target}`,
      request.target.slice(1),
      `${request.target}/`,
      request.target.slice(0, random.integer(request.target.length) + 1),
    ]),
  }),
  addHeader,
  addHeader,
  addHeader,
  (random, request) => {
    const header = oneOf(random, request.headers);
    return { ...request, headers: [...request.headers, header] };
  },
  (random, request) => ({
    ...request,
    headers: request.headers.toSpliced(random.integer(request.headers.length), 1),
  }),
  (random, request) => ({ ...request, method: oneOf(random, methods) }),
  (random, request) => ({ ...request, cutAt: random.integer(bytesOf(request).length) }),
  (random, request) =>
    withBody(request, request.body.subarray(0, random.integer(request.body.length + 1))),
  (_random, request) => withBody(request, gzipSync(request.body)),
  (random, request) => withBody(request, Buffer.from(json(random, 4))),
  (random, request) => withBody(request, random.bytes(random.integer(3_000))),
  (random, request) => {
    if (request.body.length === 0) return request;
    const body = Buffer.from(request.body);
    body[random.integer(body.length)] = random.integer(256);
    return { ...request, body };
  },
  (random, request) => {
    const wrong = String(random.integer(request.body.length + 40));
    return withHeader(request, 'Content-Length', wrong);
  },
  (random, request) =>
    withHeader(request, 'Content-Type', oneOf(random, ['application/json', 'text/plain', 'a/b'])),
];

function addHeader(random: Random, request: RawRequest): RawRequest {
  const [name, value] = oneOf(random, hostileHeaders);
  const adds = chance(random, 3);
  return adds
    ? { ...request, headers: [...request.headers, [name, value]] }
    : withHeader(request, name, value);
}

function withBody(request: RawRequest, body: Buffer): RawRequest {
  const hasLength = headerOf(request, 'content-length') !== undefined || body.length > 0;
  return hasLength
    ? withHeader({ ...request, body }, 'Content-Length', String(body.length))
    : { ...request, body };
}

export function withHeader(request: RawRequest, name: string, value: string): RawRequest {
  const others = request.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return { ...request, headers: [...others, [name, value]] };
}
