import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './exchange.ts';
import { writeHead } from './reply-head.ts';

/** Ends a reply that has no body. */
export function replyEmpty(exchange: Exchange, status: number, headers: OutgoingHttpHeaders) {
  writeHead(exchange, status, { 'Content-Length': 0, ...headers });
  exchange.response.end();
}

/** Ends a reply whose status allows no body, nor a length of one. */
export function replyBodiless(exchange: Exchange, status: 204 | 304, headers: OutgoingHttpHeaders) {
  writeHead(exchange, status, headers);
  exchange.response.end();
}

/** Ends a reply with JSON. For a HEAD request Node.js leaves the body out. */
export function replyJson(
  exchange: Exchange,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
) {
  const body = Buffer.from(JSON.stringify(value));
  writeHead(exchange, status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...headers,
  });
  exchange.response.end(body);
}

/** RFC 9110 section 13.1.2, for entity tags that are digests and so always strong. */
export function matchesEntityTag(header: string | undefined, digest: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`);
}
