import type { ClusterSettings } from '#contract/clusters.ts';

/** What was chosen for a cluster; the rest has its default. */
export type StoredSettings = ClusterSettings;
export type EffectiveSettings = Required<ClusterSettings>;

const defaults: EffectiveSettings = {
  addresses: [],
  node_image: '',
  set_config_path: false,
  credential_provider: 'install',
  pull_secrets: true,
  webhook: false,
  review_tokens: false,
};

/** @param stored as the table holds them */
export function settingsOf(stored: string): EffectiveSettings {
  return { ...defaults, ...(JSON.parse(stored) as StoredSettings) };
}

/** What the table holds once `chosen` has been added. */
export function mergeSettings(stored: string, chosen: StoredSettings): string {
  return JSON.stringify({ ...(JSON.parse(stored) as StoredSettings), ...chosen });
}
