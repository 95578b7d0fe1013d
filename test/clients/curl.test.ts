import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { digestOf } from '#oci/digest.ts';
import type { BuiltManifest } from '#oci/image.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { type Bed, privateProject, startBed } from './bed.ts';
import { largeLayer, seededBytes, seededImage, writeLayout } from './images.ts';
import { type Typist, typistOf } from './typing.ts';

/** What other programs than the clients here do, done by hand. */
describe('curl', () => {
  let bed: Bed;
  let typed: Typist;
  let image: BuiltManifest;
  const name = `${privateProject}/curl`;
  const trusting = 'curl --silent --show-error --cacert ca.crt';
  const signedIn = '--user "$NAME:$PASSWORD"';

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const { home } = bed.workstation;
    image = await seededImage('curl', { layerSizes: [1_000, 2_000] });
    await writeLayout(join(home, 'image'), '1', image);
    await bed.workstation.write(join(home, 'large'), seededBytes('curl large', largeLayer));
  });
  after(() => bed.stop());

  test('does not speak to Berth before it knows the authority', async () => {
    assert.match(
      await typed.fails('nobody', 'curl --silent --show-error https://$REGISTRY/v2/'),
      /unable to get local issuer certificate/,
    );
    assert.match(
      await typed.succeeds('nobody', `${trusting} https://$REGISTRY/v2/`),
      /"UNAUTHORIZED".*Sign in/,
    );
  });

  test('goes on with a download that was cut off', async () => {
    const digest = digestOf('sha256', seededBytes('curl large', largeLayer));
    await typed.succeeds(
      'developer',
      `${trusting} --fail ${signedIn} --request POST --header 'Content-Type: application/octet-stream' --data-binary @large "https://$REGISTRY/v2/${name}/blobs/uploads/?digest=${digest}"`,
    );
    const download = `${trusting} --fail ${signedIn} --output pulled https://$REGISTRY/v2/${name}/blobs/${digest}`;
    await bed.whileCutting(largeLayer / 2, async () => {
      await typed.fails('robot', download);
    });
    await typed.succeeds(
      'robot',
      'test "$(stat --format %s pulled)" -lt "$(stat --format %s large)"',
    );
    await typed.succeeds('robot', `${download} --continue-at - && cmp large pulled`);
    await bed.berth.hasLogged(/"path":"\/v2\/ithome\/curl\/blobs\/[^}]*"status":206/);
  });

  test('uploads in chunks, asks how far it came, and goes on', async () => {
    const output = await typed.succeeds(
      'developer',
      `head --bytes 3000 large >blob
base=https://$REGISTRY
digest=sha256:$(sha256sum <blob | cut --characters=1-64)
upload=$(${trusting} ${signedIn} --request POST --output /dev/null --write-out '%header{location}' $base/v2/${name}/blobs/uploads/)
status() { ${trusting} ${signedIn} --output /dev/null --write-out '%{http_code} %header{range}\\n' "$@"; }
head --bytes 1000 blob | status --request PATCH --header 'Content-Range: 0-999' --data-binary @- $base$upload
tail --bytes 1000 blob | status --request PATCH --header 'Content-Range: 2000-2999' --data-binary @- $base$upload
status $base$upload
tail --bytes 2000 blob | status --request PATCH --header 'Content-Range: 1000-2999' --data-binary @- $base$upload
status --request PUT "$base$upload?digest=$digest"
${trusting} --fail ${signedIn} $base/v2/${name}/blobs/$digest | cmp blob`,
    );
    assert.equal(output, '202 0-999\n416 0-999\n204 0-999\n202 0-2999\n201 \n');
  });

  test('pushes the index of a BuildKit cache, whose children are layers, and gets them back', async () => {
    const layers = [...image.blobs]
      .filter(([digest]) => digest !== image.descriptor.digest)
      .map(([digest, bytes]) => ({
        mediaType: mediaTypes.oci.layerGzip,
        digest,
        size: bytes.byteLength,
      }));
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.oci.index,
      manifests: layers,
    });
    await bed.workstation.write(join(bed.workstation.home, 'cache.json'), Buffer.from(index));
    await typed.succeeds(
      'developer',
      `for blob in image/blobs/sha256/*; do
  ${trusting} --fail ${signedIn} --request POST --header 'Content-Type: application/octet-stream' --data-binary @$blob "https://$REGISTRY/v2/${name}/blobs/uploads/?digest=sha256:$(basename $blob)"
done
${trusting} --fail ${signedIn} --request PUT --header 'Content-Type: ${mediaTypes.oci.index}' --data-binary @cache.json https://$REGISTRY/v2/${name}/manifests/cache`,
    );
    await typed.succeeds(
      'robot',
      `${trusting} --fail ${signedIn} https://$REGISTRY/v2/${name}/manifests/cache | cmp cache.json
for blob in $(jq --raw-output '.manifests[].digest' cache.json); do
  ${trusting} --fail ${signedIn} https://$REGISTRY/v2/${name}/blobs/$blob | cmp image/blobs/sha256/\${blob#sha256:}
done`,
    );
  });
});
