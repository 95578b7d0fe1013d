import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { seededImage, writeLayout } from './images.ts';
import { containing, lacks, unknownAuthority } from './sentences.ts';
import { type Typist, typistOf } from './typing.ts';

/** Signs without any service: a key of one's own, no transparency log, no time stamps. */
const noServices = {
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [],
  oidcUrls: [],
  rekorTlogUrls: [],
  rekorTlogConfig: { selector: 'ANY' },
  tsaUrls: [],
  tsaConfig: { selector: 'ANY' },
};

describe('cosign', () => {
  let bed: Bed;
  let typed: Typist;
  let digest: string;
  let image: string;
  const name = `${privateProject}/cosign`;
  const env = { COSIGN_PASSWORD: 'nothing', COSIGN_YES: 'true' };
  const sign = 'cosign sign --key cosign.key --registry-cacert ca.crt';
  const verify =
    'cosign verify --key cosign.pub --registry-cacert ca.crt --insecure-ignore-tlog=true';
  const bundles = '--signing-config services.json';
  const tags = '--use-signing-config=false --new-bundle-format=false --tlog-upload=false';

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const { home } = bed.workstation;
    const built = await seededImage('cosign');
    digest = built.descriptor.digest;
    image = `$REGISTRY/${name}@${digest}`;
    await writeLayout(join(home, 'image'), '1', built);
    await bed.workstation.write(join(home, 'services.json'), JSON.stringify(noServices));
    await typed.succeeds('developer', 'cosign generate-key-pair', { env });
    for (const person of ['developer', 'robot', 'stranger'] as const) {
      await typed.succeeds(
        person,
        'oras login --ca-file ca.crt --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"',
      );
    }
    for (const repository of [name, `${name}-tags`, `${publicProject}/cosign`]) {
      await typed.succeeds(
        'developer',
        `oras copy --from-oci-layout image:1 --to-ca-file ca.crt $REGISTRY/${repository}:1`,
      );
    }
  });
  after(() => bed.stop());

  test('does not speak to Berth before it knows the authority', async () => {
    assert.match(
      await typed.fails('developer', `cosign sign --key cosign.key ${bundles} ${image}`, { env }),
      unknownAuthority,
    );
  });

  test('verifies a signature that it keeps as a bundle among the referrers', async () => {
    assert.match(
      await typed.fails('robot', `${verify} ${image}`, { env }),
      /no signatures found|no matching signatures/,
    );
    await typed.succeeds('developer', `${sign} ${bundles} -a by=dora ${image}`, { env });
    const verified = JSON.parse(
      await typed.succeeds('robot', `${verify} -a by=dora ${image}`, { env }),
    );
    assert.equal(verified[0].critical.image['docker-manifest-digest'], digest);
    const discovered = await typed.succeeds(
      'robot',
      `oras discover --ca-file ca.crt --format json ${image}`,
    );
    assert.deepEqual(
      JSON.parse(discovered).referrers.map((one: { artifactType: string }) => one.artifactType),
      ['application/vnd.dev.sigstore.bundle.v0.3+json'],
    );
  });

  test('verifies an attestation', async () => {
    await typed.succeeds(
      'developer',
      `echo '{"built":"by dora"}' >predicate.json
cosign attest --key cosign.key --registry-cacert ca.crt ${bundles} --type custom --predicate predicate.json ${image}
cosign verify-attestation --key cosign.pub --registry-cacert ca.crt --insecure-ignore-tlog=true --type custom ${image}`,
      { env },
    );
  });

  test('verifies a signature that it keeps under a tag, as its second version did', async () => {
    const tagged = image.replace('@', '-tags@');
    await typed.succeeds('developer', `${sign} ${tags} ${tagged}`, { env });
    const verified = JSON.parse(
      await typed.succeeds('robot', `${verify} --new-bundle-format=false ${tagged}`, { env }),
    );
    assert.equal(verified[0].critical.image['docker-manifest-digest'], digest);
    assert.equal(
      await typed.succeeds('robot', `oras repo tags --ca-file ca.crt $REGISTRY/${name}-tags`),
      `1\n${digest.replace(':', '-')}.sig\n`,
    );
    assert.match(
      await typed.succeeds('robot', `cosign tree --registry-cacert ca.crt ${tagged}`, { env }),
      /Signatures for an image tag/,
    );
  });

  test('copies an image with its signatures', async () => {
    const copy = `$REGISTRY/${privateProject}/cosign-copy`;
    await typed.succeeds(
      'developer',
      `cosign copy --registry-cacert ca.crt $REGISTRY/${name}-tags:1 ${copy}:1`,
      { env },
    );
    await typed.succeeds('robot', `${verify} --new-bundle-format=false ${copy}:1`, { env });
  });

  test('does not take one key’s signature for another’s', async () => {
    await typed.succeeds('stranger', 'cosign generate-key-pair --output-key-prefix other', { env });
    const refusal = await typed.fails(
      'robot',
      `${verify.replace('cosign.pub', 'other.pub')} ${image}`,
      { env },
    );
    assert.match(refusal, /no matching signatures|failed to verify signature|invalid signature/);
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    assert.match(
      await typed.fails('stranger', `${verify} ${image}`, { env }),
      lacks(username, 'pull', name),
    );
    assert.match(
      await typed.fails('robot', `${sign} ${bundles} ${image}`, { env }),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
  });

  test('verifies in a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/cosign@${digest}`;
    await typed.succeeds('developer', `${sign} ${bundles} ${open}`, { env });
    await typed.succeeds('nobody', `${verify} ${open}`, { env });
  });
});
