import type { AccessoryType } from '#contract/artifacts.ts';
import { mediaTypes } from '#oci/media-types.ts';

const knownTypes: Readonly<Record<string, string>> = {
  [mediaTypes.oci.config]: 'IMAGE',
  [mediaTypes.docker.config]: 'IMAGE',
  [mediaTypes.helm.config]: 'CHART',
  'application/vnd.wasm.config.v0+json': 'WASM',
  'application/vnd.wasm.config.v1+json': 'WASM',
  'application/vnd.cnab.manifest.v1': 'CNAB',
  'application/vnd.cnab.config.v1+json': 'CNAB',
};

/**
 * What Harbor calls an artifact.
 * @param artifactType as the referrers API tells it; null for an index that says nothing
 */
export function typeOfArtifact(artifactType: string | null): string {
  if (artifactType === null) return 'IMAGE';
  const known = knownTypes[artifactType];
  if (known !== undefined) return known;
  const [, name] = /^application\/vnd\.[^.]+\.(.+)\.config\.[^.]+$/.exec(artifactType) ?? [];
  return name?.toUpperCase() ?? 'UNKNOWN';
}

/** What cosign appends to the tags by which it names what belongs to a digest. */
export const accessoryTagSuffixes = ['.sig', '.att', '.sbom'] as const;

export type AccessoryTagSuffix = (typeof accessoryTagSuffixes)[number];

/** Cosign's tag for what belongs to `digest`: `sha256-HEX.sig`. */
export function accessoryTag(digest: string, suffix: AccessoryTagSuffix): string {
  return `${digest.replace(':', '-')}${suffix}`;
}

/** @param suffix of cosign's tag, where that is what makes the artifact an accessory */
export function typeOfAccessory(
  artifactType: string | null,
  suffix: AccessoryTagSuffix | undefined,
): AccessoryType {
  if (suffix === '.sig') return 'signature.cosign';
  if (suffix === '.sbom') return 'sbom.harbor';
  if (suffix !== undefined || artifactType === null) return 'subject.accessory';
  if (/cosign|sigstore/.test(artifactType)) return 'signature.cosign';
  if (artifactType === 'application/vnd.cncf.notary.signature') return 'signature.notation';
  if (/nydus/.test(artifactType)) return 'accelerator.nydus';
  if (/sbom|spdx|cyclonedx/.test(artifactType)) return 'sbom.harbor';
  return 'subject.accessory';
}
