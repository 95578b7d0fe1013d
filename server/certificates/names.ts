import { isIP, isIPv6 } from 'node:net';
import { hostname as machineName } from 'node:os';
import { domainToASCII } from 'node:url';

const MAXIMUM_NAMES = 100;
/** RFC 1035 section 2.3.4. */
const MAXIMUM_NAME_LENGTH = 253;
/**
 * Labels of at most 63 characters (RFC 1035 section 2.3.4). The underscore is no host name's by
 * RFC 1123, but is common in names that containers give.
 */
const NAME = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?!$)|$))+$/;
/** A URL parser reads an address where the last label is a number: 192.168.1 or 300.1.1.1. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;
/** ASCII that no name holds. Letters beyond ASCII are an internationalised name's. */
const NEVER_IN_A_NAME = /[^A-Za-z0-9._\-\u0080-\uffff]/;
const NEEDS_ENCODING = /xn--|[^a-z0-9._-]/;

/** The names and addresses under which clients may reach this server, in canonical form. */
export interface ServedNames {
  /** Scheme, host and port of the public URL, without a trailing slash. */
  readonly publicOrigin: string;
  /** Lower case, ASCII, no trailing dot; the public URL's name first if it is one. */
  readonly dnsNames: readonly string[];
  /** Without brackets; the public URL's address first if it is one. */
  readonly addresses: readonly string[];
}

/**
 * The public URL's host, the further configured names and addresses, those of the machine itself
 * and its loopback.
 * @throws {Error} for what is neither a name nor an address.
 */
export function servedNames(
  publicUrl: string,
  further: readonly string[] = [],
  hostname: string = machineName(),
): ServedNames {
  const url = new URL(publicUrl);
  if (further.length > MAXIMUM_NAMES) {
    throw new Error(
      `${further.length} names are listed in BERTH_NAMES, and at most ${MAXIMUM_NAMES} are allowed: remove those that no client uses.`,
    );
  }
  const hosts = [
    nameable('BERTH_URL', url.hostname),
    ...further.map((written) => nameable('BERTH_NAMES', written)),
  ];
  // A machine may be called what no certificate can name; nobody chose to be served under that.
  const own = canonicalHost(hostname);
  if (own !== undefined) hosts.push(own);
  const all = [...new Set([...hosts, 'localhost', '127.0.0.1', '::1'])];
  return {
    publicOrigin: url.origin,
    dnsNames: all.filter((host) => isIP(host) === 0),
    addresses: all.filter((host) => isIP(host) !== 0),
  };
}

function nameable(setting: string, written: string): string {
  const host = canonicalHost(written);
  if (host !== undefined) return host;
  throw new Error(
    `"${written}" in ${setting} is neither a DNS name nor an IP address, so no certificate can name it: write a name such as registry.example.com or an address such as 192.0.2.10, without port and wildcard.`,
  );
}

/** A DNS name or an address (IPv6 with or without brackets) in canonical form, if it is one. */
export function canonicalHost(written: string): string | undefined {
  if (written.length === 0 || written.length > MAXIMUM_NAME_LENGTH + 1) return undefined;
  const unbracketed = /^\[(.*)\]$/s.exec(written)?.[1];
  const address = unbracketed ?? written;
  if (isIPv6(address)) {
    if (address.includes('%')) return undefined;
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  }
  if (unbracketed !== undefined) return undefined;
  if (isIP(written) !== 0) return written;
  // A URL parser drops or decodes such characters instead of refusing them.
  if (NEVER_IN_A_NAME.test(written)) return undefined;
  const lower = written.toLowerCase();
  const name = (NEEDS_ENCODING.test(lower) ? domainToASCII(lower) : lower).replace(/\.$/, '');
  if (name.length === 0 || name.length > MAXIMUM_NAME_LENGTH) return undefined;
  return NAME.test(name) && !ENDS_IN_NUMBER.test(name) ? name : undefined;
}
