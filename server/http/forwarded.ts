import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP, isIPv6, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { canonicalHost, type ServedNames } from '#server/certificates/names.ts';
import type { RequestOrigin } from './exchange.ts';
import { plainAddress, type Trusts } from './trusted-sources.ts';

export type Scheme = 'http' | 'https';

/** How the client sees a request: what proxies that are trusted told of it, else what arrived. */
export interface ReceivedRequest {
  readonly scheme: Scheme;
  /** The host that the client named, if it is well-formed. */
  readonly host: Host | undefined;
  /** The nearest address that is not a trusted proxy's. */
  readonly clientAddress: string;
}

interface Host {
  /** A canonical DNS name or address, without brackets. */
  readonly name: string;
  readonly port: number | undefined;
  /** Of the proxy that the client reached, when the host itself names no port. */
  readonly proxyPort: number | undefined;
}

/** What one proxy tells of the request that it received. */
interface Hop {
  readonly for?: string | undefined;
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
}

/** A name of 253 characters, a colon and a port. */
const LONGEST_HOST = 259;
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?$/;
/** RFC 7239 section 4, and values with a colon that proxies leave unquoted against it. */
const FORWARDED_PAIR =
  /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*([;,]|$)/y;

/** How the client sees a request that arrived from `address`, by TLS or not. */
export function receivedRequest(
  address: string | undefined,
  encrypted: boolean,
  headers: IncomingHttpHeaders,
  trusts: Trusts,
): ReceivedRequest {
  let scheme: Scheme = encrypted ? 'https' : 'http';
  let host = parseHost(headers.host);
  let proxyPort: number | undefined;
  let clientAddress = plainAddress(address ?? '');

  // From the nearest proxy outwards. Each hop was written by the one before it, so it counts as
  // long as that one is trusted; of two that are, the outer one met the client.
  for (const hop of forwardedHops(headers).reverse()) {
    if (!trusts(clientAddress)) break;
    if (hop.proto === 'http' || hop.proto === 'https') scheme = hop.proto;
    host = parseHost(hop.host) ?? host;
    proxyPort = parsePort(hop.port) ?? proxyPort;
    const next = parseNode(hop.for);
    if (next === undefined) break;
    clientAddress = next;
  }
  return { scheme, host: host && { ...host, proxyPort }, clientAddress };
}

/**
 * What realm and Location are built on: the host of the request when it is one of the served
 * names or addresses, whatever its port, else the public URL.
 */
export function externalOrigin(received: ReceivedRequest, served: ServedNames): string {
  const { scheme, host } = received;
  if (host === undefined || !serves(served, host.name)) return served.publicOrigin;
  const port = host.port ?? portOfProxy(host, served);
  const name = isIPv6(host.name) ? `[${host.name}]` : host.name;
  const isDefault = port === undefined || port === (scheme === 'https' ? 443 : 80);
  return `${scheme}://${name}${isDefault ? '' : `:${port}`}`;
}

/**
 * The origin and the client's address of each request, as the raw and the REST path use them. They
 * are worked out once for a connection that keeps naming the same host and no proxy.
 */
export function requestOrigins(
  served: ServedNames,
  trusts: Trusts,
): (request: IncomingMessage) => RequestOrigin {
  const seen = new WeakMap<Socket, RequestOrigin & { readonly host: string | undefined }>();

  function workOut({ socket, headers }: IncomingMessage): RequestOrigin {
    const encrypted = socket instanceof TLSSocket;
    const received = receivedRequest(socket.remoteAddress, encrypted, headers, trusts);
    return { origin: externalOrigin(received, served), address: received.clientAddress };
  }

  return (request) => {
    const { socket, headers } = request;
    if (isForwarded(headers)) return workOut(request);
    const known = seen.get(socket);
    if (known !== undefined && known.host === headers.host) return known;
    const origin = { ...workOut(request), host: headers.host };
    seen.set(socket, origin);
    return origin;
  };
}

function isForwarded(headers: IncomingHttpHeaders): boolean {
  return (
    headers['x-forwarded-for'] !== undefined ||
    headers['x-forwarded-proto'] !== undefined ||
    headers['x-forwarded-host'] !== undefined ||
    headers['x-forwarded-port'] !== undefined ||
    headers.forwarded !== undefined
  );
}

/**
 * A proxy in a container knows its own port, which is not always the one that clients use. The
 * public URL knows better.
 */
function portOfProxy(host: Host, served: ServedNames): number | undefined {
  if (host.proxyPort === undefined) return undefined;
  const url = new URL(served.publicOrigin);
  if (canonicalHost(url.hostname) !== host.name) return host.proxyPort;
  return url.port === String(host.proxyPort) ? host.proxyPort : undefined;
}

function serves(served: ServedNames, name: string): boolean {
  return served.dnsNames.includes(name) || served.addresses.includes(name);
}

function forwardedHops(headers: IncomingHttpHeaders): Hop[] {
  // Proxies that write the X- headers often pass a client's own Forwarded on as it came.
  return xForwardedHops(headers) ?? parseForwarded(headers.forwarded) ?? [];
}

function xForwardedHops(headers: IncomingHttpHeaders): Hop[] | undefined {
  const addresses = listOf(headers['x-forwarded-for']);
  const protos = listOf(headers['x-forwarded-proto']);
  const hosts = listOf(headers['x-forwarded-host']);
  const ports = listOf(headers['x-forwarded-port']);
  const count = Math.max(addresses.length, protos.length, hosts.length, ports.length);
  if (count === 0) return undefined;

  // Proxies append their client's address, but mostly replace the other headers: a list as long
  // as that of addresses belongs to it item by item, of any other the last item is the nearest's.
  const hops = Math.max(addresses.length, 1);
  const at = (list: readonly string[], hop: number): string | undefined => {
    if (list.length === hops) return list[hop];
    return hop === hops - 1 ? list.at(-1) : undefined;
  };
  return Array.from({ length: hops }, (_, hop) => ({
    for: addresses[hop],
    proto: at(protos, hop)?.toLowerCase(),
    host: at(hosts, hop),
    port: at(ports, hop),
  }));
}

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return String(header)
    .split(',')
    .map((item) => item.trim());
}

/** The hops of a Forwarded header (RFC 7239); undefined where it is absent or malformed. */
function parseForwarded(header: string | undefined): Hop[] | undefined {
  if (header === undefined) return undefined;
  const hops: Hop[] = [];
  let pairs = new Map<string, string>();
  FORWARDED_PAIR.lastIndex = 0;
  while (FORWARDED_PAIR.lastIndex < header.length) {
    const match = FORWARDED_PAIR.exec(header);
    if (match === null) return undefined;
    const [, name = '', quoted, token, end] = match;
    pairs.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '');
    if (end === ';') continue;
    hops.push({
      for: pairs.get('for'),
      proto: pairs.get('proto')?.toLowerCase(),
      host: pairs.get('host'),
    });
    pairs = new Map();
  }
  return hops;
}

function parseHost(written: string | undefined): Omit<Host, 'proxyPort'> | undefined {
  if (written === undefined || written.length > LONGEST_HOST) return undefined;
  const [, host, digits] = HOST.exec(written) ?? [];
  const name = host === undefined ? undefined : canonicalHost(host);
  if (name === undefined) return undefined;
  const port = parsePort(digits);
  return digits !== undefined && port === undefined ? undefined : { name, port };
}

function parsePort(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^[0-9]{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** The address of a node (RFC 7239 section 6), with or without a port; not `unknown` or `_hidden`. */
function parseNode(written: string | undefined): string | undefined {
  if (written === undefined) return undefined;
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(written)?.[1];
  const address = bracketed ?? /^([^:]*):\d{1,5}$/.exec(written)?.[1] ?? written;
  return isIP(address) === 0 || address.includes('%') ? undefined : plainAddress(address);
}
