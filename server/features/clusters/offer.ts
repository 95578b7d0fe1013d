import type { ConnectionOffer } from '#contract/clusters.ts';
import { connectCommands } from '#kubernetes/manifests/commands.ts';
import { featuresOf } from '#kubernetes/manifests/connect.ts';
import { listAccess } from '#kubernetes/manifests/listed-access.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import { settingsOf } from './stored-settings.ts';

export interface OfferedConnection {
  readonly cluster: string;
  /** As the table holds them. */
  readonly settings: string;
  readonly token: string;
  readonly expiresAt: number;
  readonly registry: string;
  readonly version: string;
  readonly certificates: Pick<ServerCertificates, 'publicKeyPin' | 'authority'>;
}

/** What an operator is told once: what will be allowed, and the commands that do it. */
export function offerOf(offered: OfferedConnection): ConnectionOffer {
  const { cluster, token, expiresAt, registry, version, certificates } = offered;
  return {
    name: cluster,
    token,
    expires_at: new Date(expiresAt).toISOString(),
    permissions: listAccess(registry, featuresOf(settingsOf(offered.settings))),
    commands: connectCommands({
      cluster,
      registry,
      pin: certificates.publicKeyPin(),
      ownAuthority: certificates.authority() !== undefined,
      token,
      version,
    }),
    warnings: isOwnToEveryMachine(registry)
      ? [
          `Every machine takes ${registry} for itself, so nodes cannot pull from it: start the server with BERTH_URL set to a name that they can reach, such as BERTH_URL=https://registry.example.com.`,
        ]
      : [],
  };
}

/** `localhost`, or an address of the loopback. */
function isOwnToEveryMachine(registry: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(registry);
}
