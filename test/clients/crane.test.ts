import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { BuiltManifest } from '#oci/image.ts';
import { type Bed, privateProject, publicProject, startBed, trustInSystem } from './bed.ts';
import { largeLayer, seededImage, seededIndex, writeLayout } from './images.ts';
import { anonymousLacks, containing, lacks, unknownAuthority, wrongPassword } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

describe('crane', () => {
  let bed: Bed;
  let typed: Typist;
  let image: BuiltManifest;
  let index: Awaited<ReturnType<typeof seededIndex>>;
  const name = `${privateProject}/crane`;
  const app = `$REGISTRY/${name}`;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const folder = (layout: string) => join(bed.workstation.home, layout);
    image = await seededImage('crane');
    index = await seededIndex('crane');
    await writeLayout(folder('image'), '1', image);
    await writeLayout(folder('index'), '1', index.index);
    await writeLayout(
      folder('large'),
      '1',
      await seededImage('crane large', { layerSizes: [largeLayer] }),
    );
  });
  after(() => bed.stop());

  test('does not speak to Berth before it knows the authority', async () => {
    assert.match(await typed.fails('developer', `crane push image ${app}:1`), unknownAuthority);
  });

  test('speaks to Berth when it is given the authority', async () => {
    const env = { SSL_CERT_FILE: join(bed.workstation.home, 'ca.crt') };
    const refusal = await typed.fails('nobody', `crane manifest ${app}:1`, { env });
    assert.match(refusal, anonymousLacks('pull', name));
  });

  test('speaks to Berth when the system trusts the authority', async () => {
    await trustInSystem(bed);
    assert.match(
      await typed.fails('nobody', `crane manifest ${app}:1`),
      anonymousLacks('pull', name),
    );
  });

  test('shows why a sign-in is refused', async () => {
    const refusal = await typed.fails(
      'developer',
      `crane auth login --username "$NAME" --password wrong $REGISTRY && crane ls ${app}`,
    );
    assert.match(refusal, wrongPassword(bed.people.developer.username));
  });

  test('pulls what it pushed with a password, an access token and as a robot', async () => {
    for (const person of ['developer', 'token', 'robot', 'stranger'] as const) {
      await typed.succeeds(
        person,
        'crane auth login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"',
      );
    }
    await typed.succeeds('developer', `crane push image ${app}:1`);
    for (const person of ['token', 'robot'] as const) {
      await typed.succeeds(
        person,
        `crane pull --format oci ${app}:1 pulled-${person}
diff --recursive image/blobs pulled-${person}/blobs`,
      );
    }
    assert.equal(
      await typed.succeeds('robot', `crane digest ${app}:1`),
      `${image.descriptor.digest}\n`,
    );
    await typed.succeeds('robot', `crane validate --remote ${app}:1`);
  });

  test('copies between repositories by mounting', async () => {
    const other = `$REGISTRY/${privateProject}/crane-copy:1`;
    const output = await typed.succeeds('developer', `crane copy ${app}:1 ${other} 2>&1`);
    assert.match(output, /mounted blob/);
    assert.doesNotMatch(output, /pushed blob/);
    await typed.succeeds('robot', `crane validate --remote ${other}`);
  });

  test('carries a layer of 200 MiB', async (context) => {
    const watch = stopwatch(context);
    await typed.succeeds('developer', `crane push large ${app}:large`);
    watch('pushed 200 MiB');
    await typed.succeeds('robot', `crane pull --format oci ${app}:large large-pulled`);
    watch('pulled 200 MiB');
    await typed.succeeds('robot', 'diff --recursive large/blobs large-pulled/blobs');
  });

  test('pushes an index and pulls by platform', async () => {
    await typed.succeeds('developer', `crane push index ${app}:index`);
    for (const architecture of ['amd64', 'arm64'] as const) {
      const digest = await typed.succeeds(
        'robot',
        `crane digest --platform linux/${architecture} ${app}:index`,
      );
      assert.equal(digest, `${index[architecture].descriptor.digest}\n`);
    }
    await typed.succeeds(
      'robot',
      `crane pull --format oci ${app}:index index-pulled
diff --recursive index/blobs index-pulled/blobs`,
    );
  });

  test('makes images of Docker schema 2', async () => {
    await typed.succeeds(
      'developer',
      `tar --create --file layer.tar ca.crt && crane append --new_layer layer.tar --new_tag ${app}:v2s2`,
    );
    const manifest = await typed.succeeds('robot', `crane manifest ${app}:v2s2`);
    assert.match(manifest, /application\/vnd\.docker\.distribution\.manifest\.v2\+json/);
    await typed.succeeds(
      'robot',
      `crane export ${app}:v2s2 - | tar --extract --to-stdout ca.crt | cmp ca.crt`,
    );
  });

  test('tags, and lists tags and repositories', async () => {
    await typed.succeeds('developer', `crane tag ${app}:1 2`);
    assert.equal(await typed.succeeds('robot', `crane ls ${app}`), '1\n2\nindex\nlarge\nv2s2\n');
    assert.equal(
      await typed.succeeds('robot', 'crane catalog $REGISTRY'),
      `${name}\n${privateProject}/crane-copy\n`,
    );
    assert.equal(await typed.succeeds('stranger', 'crane catalog $REGISTRY'), '');
  });

  test('deletes with the right to it only', async () => {
    assert.match(
      await typed.fails('developer', `crane delete ${app}:2`),
      lacks(bed.people.developer.username, 'delete', name),
    );
    await typed.succeeds(
      'admin',
      `crane auth login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"
crane delete ${app}:2`,
    );
    assert.equal(await typed.succeeds('robot', `crane ls ${app}`), '1\nindex\nlarge\nv2s2\n');
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    const pull = `crane pull --format oci ${app}:1 refused`;
    const push = `crane push image ${app}:1`;
    assert.match(await typed.fails('stranger', pull), lacks(username, 'pull', name));
    assert.match(await typed.fails('stranger', push), lacks(username, 'push', name));
    assert.match(await typed.fails('stranger', `crane ls ${app}`), lacks(username, 'pull', name));
    assert.match(await typed.fails('nobody', pull), anonymousLacks('pull', name));
    assert.match(await typed.fails('nobody', push), anonymousLacks('push', name));
    assert.match(
      await typed.fails('robot', `crane push image ${app}:robot`),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/crane:1`;
    await typed.succeeds('developer', `crane push image ${open}`);
    await typed.succeeds('nobody', `crane validate --remote ${open}`);
  });
});
