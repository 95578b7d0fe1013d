import { agentManifestPath } from '#contract/agent.ts';
import type { ConnectionOffer } from '#contract/clusters.ts';
import { listAccess } from '#kubernetes/manifests/access.ts';
import { featuresOf } from '#kubernetes/manifests/connect.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import { type EffectiveSettings, settingsOf } from './stored-settings.ts';

export interface OfferedConnection {
  readonly cluster: string;
  /** As the table holds them. */
  readonly settings: string;
  readonly token: string;
  readonly expiresAt: number;
  readonly registry: string;
  readonly certificates: ServerCertificates;
}

/** What an operator is told once: what will be allowed, and the commands that do it. */
export function offerOf(offered: OfferedConnection): ConnectionOffer {
  const { cluster, token, expiresAt, registry, certificates } = offered;
  const url = `https://${registry}${agentManifestPath}`;
  const trust =
    certificates.authority() === undefined
      ? ''
      : `-k --pinnedpubkey '${certificates.publicKeyPin()}' `;
  return {
    name: cluster,
    token,
    expires_at: new Date(expiresAt).toISOString(),
    permissions: listAccess(registry, featuresOf(featureSettings(settingsOf(offered.settings)))),
    commands: {
      kubectl: `kubectl get nodes -o json | curl -sS ${trust}-H 'Authorization: Bearer ${token}' --data-binary @- ${url} | kubectl apply -f -`,
      helm: '',
      gitops: '',
      air_gapped: '',
    },
  };
}

export function featureSettings(settings: EffectiveSettings) {
  return {
    pullSecrets: settings.pull_secrets,
    webhook: settings.webhook,
    reviewTokens: settings.review_tokens,
    credentialProvider: settings.credential_provider,
  };
}
