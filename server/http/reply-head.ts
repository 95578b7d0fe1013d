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
