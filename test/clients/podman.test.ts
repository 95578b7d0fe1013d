import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { largeLayer, writeBuildContext } from './images.ts';
import { anonymousLacks, containing, lacks, unknownAuthority } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

describe('podman', () => {
  let bed: Bed;
  let typed: Typist;
  const name = `${privateProject}/podman`;
  const app = `$REGISTRY/${name}`;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const { home } = bed.workstation;
    await writeBuildContext(join(home, 'app'), 'podman');
    await writeBuildContext(join(home, 'zstd'), 'podman zstd');
    await writeBuildContext(join(home, 'large'), 'podman large', largeLayer);
  });
  after(() => bed.stop());

  async function imageId(reference: string): Promise<string> {
    return typed.succeeds('developer', `podman image inspect --format '{{.Id}}' ${reference}`);
  }

  /** Pulls an image that was removed before; fails unless it is the one that was built. */
  async function pullsAnew(reference: string): Promise<void> {
    const before = await imageId(reference);
    await typed.succeeds('developer', `podman image rm --force ${reference}`);
    await typed.succeeds('robot', `podman pull ${reference}`);
    assert.equal(await imageId(reference), before);
  }

  test('does not speak to Berth before it knows the authority', async () => {
    const signIn = 'podman login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"';
    assert.match(await typed.fails('developer', signIn), unknownAuthority);
    assert.match(await typed.fails('developer', `podman pull ${app}:1`), unknownAuthority);
  });

  test('needs the authority in the folder of containers and nothing else', async () => {
    await typed.succeeds(
      'nobody',
      `folder=/etc/containers/certs.d/$REGISTRY
mkdir -p $folder && cp ca.crt $folder/ca.crt`,
    );
    assert.match(await typed.fails('nobody', `podman pull ${app}:1`), anonymousLacks('pull', name));
  });

  test('signs in with a password, an access token and as a robot', async () => {
    const signIn = 'podman login --username "$NAME" --password-stdin $REGISTRY';
    assert.match(
      await typed.fails('developer', `${signIn} <<<wrong`),
      /invalid username\/password/,
    );
    for (const person of ['developer', 'token', 'robot', 'stranger'] as const) {
      assert.match(await typed.succeeds(person, `${signIn} <<<"$PASSWORD"`), /Login Succeeded/);
    }
  });

  test('pulls what it pushed', async () => {
    await typed.succeeds('developer', `podman build --tag ${app}:1 app && podman push ${app}:1`);
    await pullsAnew(`${app}:1`);
  });

  test('mounts what another repository holds', async () => {
    const other = `$REGISTRY/${privateProject}/podman-copy:1`;
    await typed.succeeds('developer', `podman tag ${app}:1 ${other} && podman push ${other}`);
    await bed.berth.hasLogged(
      /"method":"POST","path":"\/v2\/ithome\/podman-copy\/blobs\/uploads\/",.*"status":201/,
    );
    await pullsAnew(other);
  });

  test('carries a layer of 200 MiB', async (context) => {
    const large = `$REGISTRY/${privateProject}/podman-large:1`;
    await typed.succeeds('developer', `podman build --tag ${large} large`);
    const watch = stopwatch(context);
    await typed.succeeds('developer', `podman push ${large}`);
    watch('pushed 200 MiB');
    await pullsAnew(large);
    watch('pulled 200 MiB');
  });

  test('pushes and pulls layers that zstd compressed', async () => {
    const zstd = `$REGISTRY/${privateProject}/podman-zstd:1`;
    await typed.succeeds(
      'developer',
      `podman build --tag ${zstd} zstd
podman push --compression-format zstd ${zstd} docker://${zstd}`,
    );
    const raw = await typed.succeeds('developer', `skopeo inspect --raw docker://${zstd}`);
    assert.match(raw, /application\/vnd\.oci\.image\.layer\.v1\.tar\+zstd/);
    await pullsAnew(zstd);
  });

  test('pushes Docker schema 2', async () => {
    await typed.succeeds(
      'developer',
      `podman push --format v2s2 --remove-signatures ${app}:1 docker://${app}:v2s2`,
    );
    const raw = await typed.succeeds('robot', `skopeo inspect --raw docker://${app}:v2s2`);
    assert.equal(JSON.parse(raw).mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  });

  test('pushes an index and pulls by platform', async () => {
    await typed.succeeds(
      'developer',
      `podman build --no-cache --platform linux/amd64,linux/arm64 --manifest list app
podman manifest push --all list docker://${app}:list
podman image rm --all --force`,
    );
    for (const architecture of ['amd64', 'arm64']) {
      await typed.succeeds('robot', `podman pull --arch ${architecture} ${app}:list`);
      assert.equal(
        await typed.succeeds(
          'robot',
          `podman image inspect --format '{{.Architecture}}' ${app}:list`,
        ),
        `${architecture}\n`,
      );
    }
  });

  test('lists tags and repositories', async () => {
    const tags = await typed.succeeds(
      'robot',
      `podman search --list-tags --format json ${app} | jq --compact-output '.[].Tags'`,
    );
    assert.deepEqual(JSON.parse(tags), ['1', 'list', 'v2s2']);
    const repositories = await typed.succeeds(
      'developer',
      "podman search --format '{{.Name}}' $REGISTRY/podman",
    );
    assert.match(repositories, containing(`${bed.berth.name}/${privateProject}/podman-copy\n`));
    assert.equal(
      await typed.succeeds('stranger', "podman search --format '{{.Name}}' $REGISTRY/podman"),
      '',
    );
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    await typed.succeeds('developer', `podman pull ${app}:1`);
    assert.match(
      await typed.fails('stranger', `podman pull ${app}:1`),
      lacks(username, 'pull', name),
    );
    assert.match(
      await typed.fails('stranger', `podman push ${app}:1`),
      lacks(username, 'push', name),
    );
    assert.match(await typed.fails('nobody', `podman push ${app}:1`), anonymousLacks('push', name));
    assert.match(
      await typed.fails('robot', `podman push ${app}:1`),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/podman:1`;
    await typed.succeeds(
      'developer',
      `podman tag ${app}:1 ${open} && podman push ${open} && podman image rm --all --force`,
    );
    await typed.succeeds('nobody', `podman pull ${open}`);
  });
});
