import { BlockList, isIP, isIPv4 } from 'node:net';

/** Whether plain HTTP and forwarded headers from an address are believed. */
export type Trusts = (address: string | undefined) => boolean;

/**
 * Trusts loopback and `sources`, each an address or a network such as `10.0.0.0/8`.
 * @throws {Error} for a source that is neither.
 */
export function trustSources(sources: readonly string[]): Trusts {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
  for (const source of sources) addSource(list, source);
  return (address) =>
    address !== undefined && isIP(address) !== 0 && list.check(address, family(address));
}

function addSource(list: BlockList, source: string): void {
  const [written = '', prefix, ...rest] = source.trim().split('/');
  const address = prefix === undefined ? plainAddress(written) : written;
  const length = prefix === undefined ? undefined : Number(prefix);
  const longest = isIPv4(address) ? 32 : 128;
  const isSource =
    isIP(address) !== 0 &&
    !address.includes('%') &&
    rest.length === 0 &&
    (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest));
  if (!isSource) {
    throw new Error(
      `"${source}" in BERTH_TRUSTED_PROXIES is neither an address nor a network: write it like 192.0.2.10 or 10.0.0.0/8.`,
    );
  }
  if (length === undefined) list.addAddress(address, family(address));
  else list.addSubnet(address, length, family(address));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** An IPv4 address that arrived on an IPv6 socket, as IPv4. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}
