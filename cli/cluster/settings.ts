import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CredentialProviderMode } from '#contract/agent.ts';
import type { ClusterSettings } from '#contract/clusters.ts';
import { collect } from '../command.ts';

export interface SettingsFlags {
  /** False: none any more. */
  readonly address?: readonly string[] | false;
  readonly nodeImage?: string;
  readonly setConfigPath?: boolean;
  readonly credentialProvider?: CredentialProviderMode;
  readonly pullSecrets?: boolean;
  readonly webhook?: boolean;
  readonly reviewTokens?: boolean;
}

/** Of every command that takes the flags below. */
export const settingsNote =
  'A setting that is not named stays as it is. A cluster begins with --no-address --no-set-config-path --credential-provider install --pull-secrets --no-webhook --no-review-tokens, and with an image that its nodes have.';

/** What a cluster may be told when it is connected, and afterwards. */
export function addSettingsFlags(command: Command): Command {
  return command
    .option(
      '--address <url>',
      'https://HOST[:PORT] where nodes and the agent reach the registry instead of by its name; can be repeated',
      (value: string, earlier: readonly string[] | false | undefined) => {
        if (value === '') throw new InvalidArgumentError('Write https://HOST[:PORT].');
        return collect(value, earlier || []);
      },
    )
    .option('--no-address', 'they reach it by its name')
    .option(
      '--node-image <image>',
      'an image with a shell for the pods that make nodes trust the registry; "" lets Berth choose one that nodes have',
    )
    .option(
      '--set-config-path',
      "set containerd's config_path on nodes where it is missing, which restarts containerd",
    )
    .option('--no-set-config-path', 'only say where it is missing')
    .addOption(
      new Option(
        '--credential-provider <mode>',
        "the kubelet credential provider on nodes: install lays down its files, configure sets the kubelet's flags as well, which restarts the kubelet",
      ).choices(['off', 'install', 'configure']),
    )
    .option('--pull-secrets', 'place pull secrets in namespaces that something is granted to')
    .option('--no-pull-secrets', 'place none')
    .option('--webhook', 'a webhook gives pods the pull secret that their ServiceAccount lacks')
    .option('--no-webhook', 'no webhook')
    .option('--review-tokens', 'ask the cluster whether the pod of a token still exists')
    .option('--no-review-tokens', 'trust the signature of tokens until they expire');
}

/** What was given, and nothing else. */
export function settingsOf(flags: SettingsFlags): ClusterSettings {
  const { address, nodeImage, setConfigPath, credentialProvider } = flags;
  const { pullSecrets, webhook, reviewTokens } = flags;
  return {
    ...(address !== undefined && { addresses: address === false ? [] : [...address] }),
    ...(nodeImage !== undefined && { node_image: nodeImage }),
    ...(setConfigPath !== undefined && { set_config_path: setConfigPath }),
    ...(credentialProvider !== undefined && { credential_provider: credentialProvider }),
    ...(pullSecrets !== undefined && { pull_secrets: pullSecrets }),
    ...(webhook !== undefined && { webhook }),
    ...(reviewTokens !== undefined && { review_tokens: reviewTokens }),
  };
}

export function settingsText(settings: ClusterSettings): string {
  const onOff = (value: boolean | undefined) => (value ? 'yes' : 'no');
  return [
    `Addresses:            ${settings.addresses?.join(', ') || 'the name of the registry'}`,
    `Image on nodes:       ${settings.node_image || 'one that nodes have'}`,
    `Set config_path:      ${onOff(settings.set_config_path)}`,
    `Credential provider:  ${settings.credential_provider ?? 'off'}`,
    `Pull secrets:         ${onOff(settings.pull_secrets)}`,
    `Webhook:              ${onOff(settings.webhook)}`,
    `Token review:         ${onOff(settings.review_tokens)}`,
  ].join('\n');
}
