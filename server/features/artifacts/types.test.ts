import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { typeOfAccessory, typeOfArtifact } from './types.ts';

describe('types of artifacts', () => {
  for (const [artifactType, type] of [
    [null, 'IMAGE'],
    ['application/vnd.oci.image.config.v1+json', 'IMAGE'],
    ['application/vnd.docker.container.image.v1+json', 'IMAGE'],
    ['application/vnd.cncf.helm.config.v1+json', 'CHART'],
    ['application/vnd.wasm.config.v1+json', 'WASM'],
    ['application/vnd.cnab.manifest.v1', 'CNAB'],
    ['application/vnd.cncf.flux.config.v1+json', 'FLUX'],
    ['application/vnd.buildkit.cacheconfig.v0', 'UNKNOWN'],
    ['application/vnd.oci.empty.v1+json', 'UNKNOWN'],
    ['text/plain', 'UNKNOWN'],
  ] as const) {
    test(`make ${artifactType} ${type}`, () => assert.equal(typeOfArtifact(artifactType), type));
  }
});

describe('types of accessories', () => {
  for (const [artifactType, suffix, type] of [
    ['application/vnd.oci.image.config.v1+json', '.sig', 'signature.cosign'],
    ['application/vnd.oci.image.config.v1+json', '.sbom', 'sbom.harbor'],
    ['application/vnd.oci.image.config.v1+json', '.att', 'subject.accessory'],
    ['application/vnd.dev.sigstore.bundle.v0.3+json', undefined, 'signature.cosign'],
    ['application/vnd.cncf.notary.signature', undefined, 'signature.notation'],
    ['application/spdx+json', undefined, 'sbom.harbor'],
    ['application/vnd.cyclonedx+json', undefined, 'sbom.harbor'],
    ['application/x-anything', undefined, 'subject.accessory'],
    [null, undefined, 'subject.accessory'],
  ] as const) {
    test(`make ${artifactType} tagged ${suffix} ${type}`, () =>
      assert.equal(typeOfAccessory(artifactType, suffix), type));
  }
});
