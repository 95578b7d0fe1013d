import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { largeLayer, seededImage, seededIndex, writeLayout } from './images.ts';
import { anonymousLacks, containing, lacks, unknownAuthority } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

describe('skopeo', () => {
  let bed: Bed;
  let typed: Typist;
  const name = `${privateProject}/skopeo`;
  const repository = `docker://$REGISTRY/${name}`;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const folder = (layout: string) => join(bed.workstation.home, layout);
    await writeLayout(folder('image'), '1', await seededImage('skopeo'));
    // Content of its own: skopeo would rather reuse what it pushed once in another compression.
    await writeLayout(folder('zstd'), '1', await seededImage('skopeo zstd'));
    await writeLayout(
      folder('large'),
      '1',
      await seededImage('skopeo large', { layerSizes: [largeLayer] }),
    );
    await writeLayout(folder('index'), '1', (await seededIndex('skopeo')).index);
  });
  after(() => bed.stop());

  function digestOf(reference: string): Promise<string> {
    return typed.succeeds('robot', `skopeo inspect --raw ${reference} | sha256sum`);
  }

  test('does not speak to Berth before it knows the authority', async () => {
    assert.match(
      await typed.fails('developer', `skopeo copy oci:image:1 ${repository}:1`),
      unknownAuthority,
    );
  });

  test('needs the authority in the folder of containers and nothing else', async () => {
    await typed.succeeds(
      'nobody',
      `folder=/etc/containers/certs.d/$REGISTRY
mkdir -p $folder && cp ca.crt $folder/ca.crt`,
    );
    const refusal = await typed.fails('nobody', `skopeo inspect ${repository}:1`);
    assert.doesNotMatch(refusal, unknownAuthority);
    assert.match(refusal, anonymousLacks('pull', name));
  });

  test('signs in with a password, an access token and as a robot', async () => {
    const signIn = 'skopeo login --username "$NAME" --password-stdin $REGISTRY';
    assert.match(
      await typed.fails('developer', `${signIn} <<<wrong`),
      /invalid username\/password/,
    );
    for (const person of ['developer', 'token', 'robot', 'stranger'] as const) {
      assert.match(await typed.succeeds(person, `${signIn} <<<"$PASSWORD"`), /Login Succeeded/);
    }
    await typed.succeeds(
      'developer',
      'skopeo login --username "$NAME" --password "$PASSWORD" $REGISTRY',
    );
  });

  test('pulls what it pushed, byte for byte', async () => {
    await typed.succeeds('developer', `skopeo copy oci:image:1 ${repository}:1`);
    await typed.succeeds('robot', `skopeo copy ${repository}:1 oci:pulled:1`);
    await typed.succeeds('token', 'diff --recursive image/blobs pulled/blobs');
  });

  test('mounts what another repository holds', async () => {
    const other = `docker://$REGISTRY/${privateProject}/skopeo-copy`;
    await typed.succeeds('developer', `skopeo copy ${repository}:1 ${other}:1`);
    await typed.succeeds(
      'robot',
      `skopeo copy ${other}:1 oci:copy:1 && diff --recursive image/blobs copy/blobs`,
    );
  });

  test('carries a layer of 200 MiB', async (context) => {
    const watch = stopwatch(context);
    await typed.succeeds('developer', `skopeo copy oci:large:1 ${repository}:large`);
    watch('pushed 200 MiB');
    await typed.succeeds('robot', `skopeo copy ${repository}:large oci:large-pulled:1`);
    watch('pulled 200 MiB');
    await typed.succeeds('robot', 'diff --recursive large/blobs large-pulled/blobs');
  });

  test('turns images into Docker schema 2 and back', async () => {
    await typed.succeeds('developer', `skopeo copy --format v2s2 oci:image:1 ${repository}:v2s2`);
    const raw = await typed.succeeds('robot', `skopeo inspect --raw ${repository}:v2s2`);
    assert.equal(JSON.parse(raw).mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
    await typed.succeeds('robot', `skopeo copy --format oci ${repository}:v2s2 oci:from-v2s2:1`);
    assert.equal(
      await typed.succeeds(
        'robot',
        'skopeo inspect --config oci:from-v2s2:1 | jq --sort-keys .rootfs',
      ),
      await typed.succeeds('robot', 'skopeo inspect --config oci:image:1 | jq --sort-keys .rootfs'),
    );
  });

  test('pushes and pulls layers that zstd compressed', async () => {
    await typed.succeeds(
      'developer',
      `skopeo copy --dest-decompress oci:zstd:1 dir:unpacked
skopeo copy --format oci --dest-compress --dest-compress-format zstd dir:unpacked ${repository}:zstd`,
    );
    const raw = await typed.succeeds('robot', `skopeo inspect --raw ${repository}:zstd`);
    assert.match(raw, /application\/vnd\.oci\.image\.layer\.v1\.tar\+zstd/);
    await typed.succeeds(
      'robot',
      `skopeo copy --dest-decompress ${repository}:zstd dir:from-zstd
diff --recursive unpacked from-zstd`,
    );
  });

  test('pushes an index and pulls by platform', async () => {
    await typed.succeeds('developer', `skopeo copy --all oci:index:1 ${repository}:index`);
    await typed.succeeds('robot', `skopeo copy --all ${repository}:index oci:index-pulled:1`);
    await typed.succeeds('robot', 'diff --recursive index/blobs index-pulled/blobs');
    for (const architecture of ['amd64', 'arm64']) {
      const config = await typed.succeeds(
        'robot',
        `skopeo inspect --override-arch ${architecture} --config ${repository}:index`,
      );
      assert.equal(JSON.parse(config).architecture, architecture);
    }
  });

  test('lists tags', async () => {
    const { Tags: tags } = JSON.parse(
      await typed.succeeds('robot', `skopeo list-tags ${repository}`),
    );
    assert.deepEqual(tags, ['1', 'index', 'large', 'v2s2', 'zstd']);
  });

  test('deletes with the right to it only', async () => {
    assert.match(
      await typed.fails('developer', `skopeo delete ${repository}:v2s2`),
      lacks(bed.people.developer.username, 'delete', name),
    );
    await typed.succeeds('admin', `skopeo delete --creds "$NAME:$PASSWORD" ${repository}:v2s2`);
    assert.match(
      await typed.fails('robot', `skopeo inspect ${repository}:v2s2`),
      containing(`${name} has no tag v2s2`),
    );
    assert.notEqual(await digestOf(`${repository}:1`), '');
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    const pull = `skopeo copy ${repository}:1 oci:refused:1`;
    const push = `skopeo copy oci:image:1 ${repository}:1`;
    assert.match(await typed.fails('stranger', pull), lacks(username, 'pull', name));
    assert.match(await typed.fails('stranger', push), lacks(username, 'push', name));
    assert.match(
      await typed.fails('stranger', `skopeo list-tags ${repository}`),
      lacks(username, 'pull', name),
    );
    assert.match(await typed.fails('nobody', pull), anonymousLacks('pull', name));
    assert.match(await typed.fails('nobody', push), anonymousLacks('push', name));
    assert.match(
      await typed.fails('robot', push),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `docker://$REGISTRY/${publicProject}/skopeo:1`;
    await typed.succeeds('developer', `skopeo copy oci:image:1 ${open}`);
    await typed.succeeds(
      'nobody',
      `skopeo copy ${open} oci:open:1 && diff --recursive image/blobs open/blobs`,
    );
  });
});
