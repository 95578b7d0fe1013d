import { createHash } from 'node:crypto';
import type { CredentialProviderMode } from '#contract/agent.ts';
import { hostsToml, parseRegistryAddress, registryName } from '../certs-d.ts';
import { providerConfig } from '../credential-provider/config.ts';
import { inertProviderScript, providerScript } from '../credential-provider/script.ts';
import { certificateKey, scriptKey } from './layout.ts';
import { nodeScript } from './script.ts';

export interface NodeFilesOptions {
  /** As image names begin: `host[:port]`. */
  readonly registry: string;
  /** PEM; absent where every machine trusts the registry anyway. */
  readonly authorities?: string | undefined;
  /** `https://host[:port]`. */
  readonly addresses: readonly string[];
  readonly setConfigPath: boolean;
  readonly credentialProvider: CredentialProviderMode;
  /** Credential provider configurations with our entry, by the `provider_sum` that asked for them. */
  readonly providerConfigs?: ReadonlyMap<string, string>;
  /** Takes everything of ours away instead. */
  readonly remove?: boolean;
}

const hostsKey = 'hosts.toml';
const settingsKey = 'settings';

/**
 * What the ConfigMap `berth-node` holds: the script, what it lays down on every node, and its
 * settings. The same options give the same bytes, so that whoever writes them may compare.
 * @throws {RangeError} for a registry or an address that none can have
 */
export function nodeFiles(options: NodeFilesOptions): Record<string, string> {
  const { registry, authorities, addresses } = options;
  const address = parseRegistryAddress(registry);
  if (address === undefined || registryName(address) !== registry) {
    throw new RangeError(`${registry} cannot name a registry.`);
  }
  const files = {
    [scriptKey]: nodeScript,
    [hostsKey]: hostsToml(address, {
      addresses: addresses.map(addressUrl),
      ownAuthority: authorities !== undefined,
    }),
    ...(authorities !== undefined && { [certificateKey]: authorities }),
    'provider.sh': providerScript(registry),
    'provider-inert.sh': inertProviderScript(),
    'provider.json': providerConfig(registry),
    ...Object.fromEntries(
      [...(options.providerConfigs ?? [])].map(([sum, text]) => [`provider-${sum}`, text]).sort(),
    ),
  };
  const settings = [
    `registry ${registry}`,
    `mode ${options.remove === true ? 'remove' : 'lay'}`,
    `script ${digest(nodeScript)}`,
    `authorities ${authorities === undefined ? 'none' : authoritiesDigest(authorities)}`,
    ...(addresses.length > 0 ? ['addresses yes'] : []),
    ...(options.setConfigPath ? ['set-config-path yes'] : []),
    `provider ${options.credentialProvider}`,
  ].join('\n');
  const revision = digest(JSON.stringify([files, settings])).slice(0, 16);
  return { ...files, [settingsKey]: `revision ${revision}\n${settings}\n` };
}

/** By which a node tells which files it has laid down. */
export function nodeFilesRevision(files: Readonly<Record<string, string>>): string | undefined {
  return /^revision (\S+)$/m.exec(files[settingsKey] ?? '')?.[1];
}

/** SHA-256, in hexadecimal, by which a node tells which authorities it has. */
export function authoritiesDigest(authorities: string): string {
  return digest(authorities);
}

function addressUrl(address: string): string {
  const parsed = parseRegistryAddress(address);
  if (parsed === undefined) throw new RangeError(`${address} is no address of a registry.`);
  return `https://${registryName(parsed)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
