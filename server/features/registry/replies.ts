import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from '#server/http/exchange.ts';

/** Ends a reply that has no body. */
export function replyEmpty({ response }: Exchange, status: number, headers: OutgoingHttpHeaders) {
  response.writeHead(status, { 'Content-Length': 0, ...headers });
  response.end();
}

/** Ends a reply with JSON. For a HEAD request Node.js leaves the body out. */
export function replyJson(
  { response }: Exchange,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
) {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...headers,
  });
  response.end(body);
}

/** RFC 9110 section 13.1.2, for entity tags that are digests and so always strong. */
export function matchesEntityTag(header: string | undefined, digest: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`);
}
