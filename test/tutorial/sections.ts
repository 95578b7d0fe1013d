import type { ContainerdVersion } from '../cluster/index.ts';
import { deploymentsSection } from './deployments.ts';
import { helmSection } from './helm.ts';
import type { Scene } from './scene.ts';
import { secretsSection } from './secrets.ts';
import { trustSection } from './trust.ts';

export const versions: readonly ContainerdVersion[] = ['2.4', '1.6'];

/** In the tutorial's order. */
export const sections = {
  trust: trustSection,
  secrets: secretsSection,
  deployments: deploymentsSection,
  helm: helmSection,
} as const satisfies Record<string, (scene: () => Scene) => void>;

export type SectionName = keyof typeof sections;

export const sectionNames = Object.keys(sections) as readonly SectionName[];

export function isSection(name: string): name is SectionName {
  return Object.hasOwn(sections, name);
}

export function isVersion(name: string): name is ContainerdVersion {
  return versions.some((version) => version === name);
}
