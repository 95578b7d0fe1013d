import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { mebibyte, seededBytes } from './images.ts';
import { anonymousLacks, containing, lacks, unknownAuthority } from './sentences.ts';
import { type Typist, typistOf } from './typing.ts';

describe('buildah', () => {
  let bed: Bed;
  let typed: Typist;
  const name = `${privateProject}/buildah`;
  const app = `$REGISTRY/${name}`;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    await bed.workstation.write(
      `${bed.workstation.home}/content`,
      seededBytes('buildah', mebibyte),
    );
    await typed.succeeds(
      'developer',
      `mkdir certs
container=$(buildah from scratch)
buildah copy $container content /
buildah commit $container ${app}:1
buildah tag ${app}:1 ${app}:zstd`,
    );
  });
  after(() => bed.stop());

  async function imageId(reference: string): Promise<string> {
    return typed.succeeds('developer', `buildah images --quiet --no-trunc ${reference}`);
  }

  test('does not speak to Berth before it knows the authority', async () => {
    const signIn =
      'buildah login --cert-dir certs --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"';
    assert.match(await typed.fails('developer', signIn), unknownAuthority);
    assert.match(
      await typed.fails('developer', `buildah push --cert-dir certs ${app}:1`),
      unknownAuthority,
    );
  });

  test('signs in when its folder of certificates holds the authority', async () => {
    await typed.succeeds('nobody', 'cp ca.crt certs/ca.crt');
    const signIn = 'buildah login --cert-dir certs --username "$NAME" --password-stdin $REGISTRY';
    assert.match(
      await typed.fails('developer', `${signIn} <<<wrong`),
      /invalid username\/password/,
    );
    for (const person of ['developer', 'token', 'robot', 'stranger'] as const) {
      assert.match(await typed.succeeds(person, `${signIn} <<<"$PASSWORD"`), /Login Succeeded/);
    }
  });

  test('pulls what it pushed, gzip or zstd compressed', async () => {
    const before = await imageId(`${app}:1`);
    await typed.succeeds(
      'developer',
      `buildah push --cert-dir certs --compression-format zstd ${app}:zstd
buildah push --cert-dir certs ${app}:1`,
    );
    const raw = await typed.succeeds(
      'robot',
      `skopeo inspect --cert-dir certs --raw docker://${app}:zstd`,
    );
    assert.match(raw, /application\/vnd\.oci\.image\.layer\.v1\.tar\+zstd/);
    for (const tag of ['zstd', '1']) {
      await typed.succeeds('robot', 'buildah rm --all && buildah rmi --all --force');
      await typed.succeeds('robot', `buildah pull --cert-dir certs ${app}:${tag}`);
      assert.equal(await imageId(`${app}:${tag}`), before);
    }
  });

  test('builds on an image from Berth', async () => {
    await typed.succeeds(
      'developer',
      `mkdir derived
printf 'FROM '"${app}"':1\\nLABEL derived=yes\\n' >derived/Dockerfile
buildah rmi --all --force
buildah build --cert-dir certs --tag ${app}:derived derived
buildah push --cert-dir certs ${app}:derived`,
    );
  });

  test('pushes an index of two platforms', async () => {
    await typed.succeeds(
      'developer',
      `buildah manifest create list
for architecture in amd64 arm64; do
  container=$(buildah from scratch)
  buildah config --arch $architecture $container
  buildah commit --manifest list $container
done
buildah manifest push --cert-dir certs --all list docker://${app}:list`,
    );
    for (const architecture of ['amd64', 'arm64']) {
      const config = await typed.succeeds(
        'robot',
        `skopeo inspect --cert-dir certs --override-arch ${architecture} --config docker://${app}:list`,
      );
      assert.equal(JSON.parse(config).architecture, architecture);
    }
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    const pull = `buildah pull --policy always --cert-dir certs ${app}:1`;
    const push = `buildah push --cert-dir certs ${app}:derived`;
    assert.match(await typed.fails('stranger', pull), lacks(username, 'pull', name));
    assert.match(await typed.fails('stranger', push), lacks(username, 'push', name));
    assert.match(await typed.fails('nobody', pull), anonymousLacks('pull', name));
    assert.match(await typed.fails('nobody', push), anonymousLacks('push', name));
    assert.match(
      await typed.fails('robot', push),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/buildah:1`;
    await typed.succeeds(
      'developer',
      `buildah push --cert-dir certs ${app}:derived docker://${open} && buildah rmi --all --force`,
    );
    await typed.succeeds('nobody', `buildah pull --cert-dir certs ${open}`);
  });
});
