import type { IncomingHttpHeaders } from 'node:http';
import { servedNames } from '#server/certificates/names.ts';
import { externalOrigin, receivedRequest } from '../forwarded.ts';
import { trustSources } from '../trusted-sources.ts';

export const served = servedNames(
  'https://registry.example:5000',
  ['10.0.0.9', 'alias.example'],
  'node',
);
export const trusts = trustSources(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32']);
export const PROXY = '10.1.2.3';
export const STRANGER = '203.0.113.9';

/** The origin and the client of a request that arrives from `address`. */
export function seen(address: string, headers: IncomingHttpHeaders, encrypted = false) {
  const received = receivedRequest(address, encrypted, headers, trusts);
  return { origin: externalOrigin(received, served), client: received.clientAddress };
}
