import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from './exchange.ts';

/** The headers of every reply below `/v2/`. */
export function standingHeaders({ id }: Exchange): OutgoingHttpHeaders {
  return {
    'Docker-Distribution-API-Version': 'registry/2.0',
    'X-Request-Id': id,
    'X-Content-Type-Options': 'nosniff',
  };
}

/**
 * Writes the head of a reply. All at once: Node.js takes much longer over headers that were set one
 * by one before.
 */
export function writeHead(exchange: Exchange, status: number, headers: OutgoingHttpHeaders): void {
  exchange.response.writeHead(status, { ...standingHeaders(exchange), ...headers });
}

/**
 * As `writeHead`, for replies that are many and small.
 * @param fields names and values by turns; the standing headers are added to them
 */
export function writeFlatHead(exchange: Exchange, status: number, fields: string[]): void {
  fields.push(
    'Docker-Distribution-API-Version',
    'registry/2.0',
    'X-Request-Id',
    exchange.id,
    'X-Content-Type-Options',
    'nosniff',
  );
  exchange.response.writeHead(status, fields);
}
