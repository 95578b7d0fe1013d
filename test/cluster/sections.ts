import type { Bed } from './bed.ts';
import type { ContainerdVersion } from './index.ts';
import { bedSection } from './sections/bed.ts';
import { connectSection } from './sections/connect.ts';
import { disconnectSection } from './sections/disconnect.ts';
import { formsSection } from './sections/forms.ts';
import { inClusterSection } from './sections/in-cluster.ts';
import { k3sSection } from './sections/k3s.ts';
import { manifestsSection } from './sections/manifests.ts';
import { pullSecretsSection } from './sections/pull-secrets.ts';
import { restSection } from './sections/rest.ts';
import { trustSection } from './sections/trust.ts';
import { workloadIdentitySection } from './sections/workload-identity.ts';

export const versions: readonly ContainerdVersion[] = ['2.4', '1.6'];

/** In this order on one bed: what is before `connect` sees a cluster that Berth knows nothing of. */
export const sections = {
  bed: bedSection,
  manifests: manifestsSection,
  connect: connectSection,
  trust: trustSection,
  'pull-secrets': pullSecretsSection,
  'workload-identity': workloadIdentitySection,
  k3s: k3sSection,
  rest: restSection,
  disconnect: disconnectSection,
  // Connects the cluster anew, to the same Berth.
  forms: formsSection,
  // Connects the cluster to another Berth.
  'in-cluster': inClusterSection,
} as const satisfies Record<string, (bed: () => Bed, version: ContainerdVersion) => void>;

export type SectionName = keyof typeof sections;

export const sectionNames = Object.keys(sections) as readonly SectionName[];

/** What no version of containerd makes a difference to: one of them is enough, unless it is named. */
const ofAnyVersion: ReadonlySet<SectionName> = new Set(['manifests', 'forms', 'in-cluster']);

/** What is run when it is named, and else not. */
const onlyNamed: ReadonlySet<SectionName> = new Set(['k3s']);

/** @param chosen none: all that say something about the version */
export function sectionsOf(
  version: ContainerdVersion,
  chosen: readonly string[],
): readonly SectionName[] {
  return chosen.length > 0
    ? sectionNames.filter((name) => chosen.includes(name))
    : sectionNames.filter(
        (name) => !onlyNamed.has(name) && (version === versions[0] || !ofAnyVersion.has(name)),
      );
}

export function isSection(name: string): name is SectionName {
  return Object.hasOwn(sections, name);
}

export function isVersion(name: string): name is ContainerdVersion {
  return versions.some((version) => version === name);
}
