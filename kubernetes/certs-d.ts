/** Where a container runtime looks for the certificates of one registry. */
export type ContainerRuntime = 'docker' | 'containerd' | 'podman';

export const containerRuntimes: readonly ContainerRuntime[] = ['docker', 'containerd', 'podman'];

export interface TrustFile {
  /** Absolute. */
  readonly path: string;
  readonly content: string;
}

/** A registry as image names write it. */
export interface RegistryAddress {
  /** A DNS name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
}

export const containerdConfigPath = '/etc/containerd/certs.d';

const folders = {
  docker: '/etc/docker/certs.d',
  podman: '/etc/containers/certs.d',
} as const;

/** `host:port` as image names have it: 443 is the port that is never written. */
export function registryName(address: RegistryAddress): string {
  return address.port === 443 ? address.host : `${address.host}:${address.port}`;
}

/** Undefined for anything but `[https://]HOST[:PORT]`, with or without a slash at the end. */
export function parseRegistryAddress(text: string): RegistryAddress | undefined {
  const bare = text.replace(/^https:\/\//i, '').replace(/\/$/, '');
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9][a-z0-9._-]{0,252})(?::([0-9]{1,5}))?$/i.exec(bare);
  const host = match?.[1];
  if (host === undefined) return undefined;
  const port = match?.[2] === undefined ? 443 : Number(match[2]);
  return port >= 1 && port <= 65_535 ? { host: host.toLowerCase(), port } : undefined;
}

/**
 * The folder that belongs to one registry alone: whoever removes it removes nothing of others.
 * @param configPath where containerd looks, as its configuration says
 */
export function trustFolder(
  runtime: ContainerRuntime,
  address: RegistryAddress,
  configPath: string = containerdConfigPath,
): string {
  return `${runtime === 'containerd' ? configPath : folders[runtime]}/${registryName(address)}`;
}

/** Everything that makes `runtime` trust `certificate` (PEM) for one registry, and for no other. */
export function trustFiles(
  runtime: ContainerRuntime,
  address: RegistryAddress,
  certificate: string,
  configPath: string = containerdConfigPath,
): TrustFile[] {
  const folder = trustFolder(runtime, address, configPath);
  const files: TrustFile[] = [{ path: `${folder}/ca.crt`, content: certificate }];
  if (runtime === 'containerd') {
    files.push({ path: `${folder}/hosts.toml`, content: hostsToml(address) });
  }
  return files;
}

export interface HostsTomlOptions {
  /** `https://HOST[:PORT]` where the registry is reached instead of by its name, in that order. */
  readonly addresses?: readonly string[];
  /** False where every machine trusts the registry's certificate anyway. */
  readonly ownAuthority?: boolean;
}

/**
 * `ca` stands at both levels: at the root alone, containerd before 1.7.31 cannot read the file; at
 * the host alone, containerd 1.x reports a missing tag as an unknown certificate authority. It asks
 * the `server` too for a tag that a host does not have: a name that leads nowhere would be all that
 * it reports, so an address stands there as well.
 */
export function hostsToml(
  address: RegistryAddress,
  { addresses = [], ownAuthority = true }: HostsTomlOptions = {},
): string {
  const hosts = addresses.length === 0 ? [`https://${registryName(address)}`] : addresses;
  const authority = ownAuthority ? ['ca = "ca.crt"'] : [];
  return [
    `server = "${hosts[0]}"`,
    ...authority,
    ...hosts.flatMap((host) => [
      '',
      `[host."${host}"]`,
      '  capabilities = ["pull", "resolve", "push"]',
      ...authority.map((line) => `  ${line}`),
    ]),
    '',
  ].join('\n');
}
