import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Docker, startDocker } from '../cluster/docker.ts';
import { type Bed, folderOf, type People, privateProject, publicProject, startBed } from './bed.ts';
import { largeLayer, writeBuildContext } from './images.ts';
import { anonymousLacks, containing, lacks, unknownAuthority, wrongPassword } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

/** Debian's docker and dockerd 20.10, with the classic image store. */
describe('docker', () => {
  let bed: Bed;
  let docker: Docker;
  let typed: Typist;
  const app = `$REGISTRY/${privateProject}/app`;

  before(async () => {
    bed = await startBed();
    docker = await startDocker(bed.workstation);
    typed = typistOf(bed);
    await writeBuildContext(join(bed.workstation.home, 'app'), 'docker');
    await writeBuildContext(join(bed.workstation.home, 'large'), 'docker large', largeLayer);
  });
  after(async () => {
    await docker.stop();
    await bed.stop();
  });

  async function imageId(reference: string): Promise<string> {
    return typed.succeeds('developer', `docker image inspect --format '{{.Id}}' ${reference}`);
  }

  async function forget(...references: readonly string[]): Promise<void> {
    await typed.succeeds('developer', `docker image rm --force ${references.join(' ')}`);
  }

  test('does not speak to Berth before it knows the authority', async () => {
    const signIn = 'docker login --username "$NAME" --password "$PASSWORD" $REGISTRY';
    assert.match(await typed.fails('developer', signIn), unknownAuthority);
    assert.match(await typed.fails('developer', `docker pull ${app}:1`), unknownAuthority);
  });

  test('needs the authority in its own folder and nothing else', async () => {
    await typed.succeeds(
      'nobody',
      'mkdir -p /etc/docker/certs.d/$REGISTRY && cp ca.crt /etc/docker/certs.d/$REGISTRY/ca.crt',
    );
    const refusal = await typed.fails('nobody', `docker pull ${app}:1`);
    assert.doesNotMatch(refusal, unknownAuthority);
    assert.match(refusal, anonymousLacks('pull', `${privateProject}/app`));
  });

  test('shows why a sign-in is refused', async () => {
    const refusal = await typed.fails(
      'developer',
      'docker login --username "$NAME" --password wrong $REGISTRY',
    );
    assert.match(refusal, wrongPassword(bed.people.developer.username));
  });

  test('signs in with a password, an access token and as a robot', async () => {
    const signIns: readonly [keyof People, string][] = [
      ['developer', 'docker login --username "$NAME" --password "$PASSWORD" https://$REGISTRY'],
      ['stranger', 'docker login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"'],
      ['token', 'docker login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"'],
      ['robot', 'docker login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"'],
    ];
    for (const [person, command] of signIns) {
      assert.match(await typed.succeeds(person, command), /Login Succeeded/);
      const { auths } = JSON.parse(
        await readFile(join(folderOf(bed.workstation, person), 'config.json'), 'utf8'),
      );
      // A Secret made of this file must hold what a kubelet can sign in with.
      const { username, password } = bed.people[person];
      const auth = Buffer.from(`${username}:${password}`).toString('base64');
      assert.deepEqual(auths, { [bed.berth.name]: { auth } });
    }
  });

  test('pulls what it pushed', async () => {
    await typed.succeeds('developer', `docker build --tag ${app}:1 app`);
    const before = await imageId(`${app}:1`);
    const pushed = await typed.succeeds('developer', `docker push ${app}:1`);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed)?.[1];
    assert.ok(digest, pushed);

    await forget(`${app}:1`);
    const pulled = await typed.succeeds('developer', `docker pull ${app}:1`);
    assert.match(pulled, containing(`Digest: ${digest}`));
    assert.equal(await imageId(`${app}:1`), before);

    await forget(`${app}:1`);
    await typed.succeeds('robot', `docker pull ${app}@${digest}`);
    assert.equal(await imageId(`${app}@${digest}`), before);
    await typed.succeeds('token', `docker pull ${app}:1`);
    const copied = 'docker cp "$(docker create $IMAGE none):/content" - | tar -xO | sha256sum';
    const env = { IMAGE: `${bed.berth.name}/${privateProject}/app:1` };
    assert.equal(
      await typed.succeeds('developer', copied, { env }),
      await typed.succeeds('developer', 'sha256sum <app/content'),
    );
  });

  test('signs other clients in that read its configuration', async () => {
    const env = { SSL_CERT_FILE: join(bed.workstation.home, 'ca.crt') };
    await typed.succeeds(
      'robot',
      `crane digest ${app}:1
oras resolve ${app}:1
skopeo inspect --authfile $DOCKER_CONFIG/config.json docker://${app}:1`,
      { env },
    );
  });

  test('pushes layers that are there without sending them', async () => {
    const other = `$REGISTRY/${privateProject}/other`;
    await typed.succeeds(
      'developer',
      `docker tag ${app}:1 ${app}:2 && docker tag ${app}:1 ${other}:1`,
    );
    assert.match(await typed.succeeds('developer', `docker push ${app}:2`), /Layer already exists/);
    assert.match(
      await typed.succeeds('developer', `docker push ${other}:1`),
      containing(`Mounted from ${privateProject}/app`),
    );
    await forget(`${other}:1`);
    await typed.succeeds('developer', `docker pull ${other}:1`);
    assert.equal(await imageId(`${other}:1`), await imageId(`${app}:1`));
  });

  test('lists all tags of a repository to pull them', async () => {
    const pulled = await typed.succeeds('developer', `docker pull --all-tags ${app}`);
    assert.match(pulled, /^1: Pulling from/m);
    assert.match(pulled, /^2: Pulling from/m);
  });

  test('carries a layer of 200 MiB', async (context) => {
    const large = `$REGISTRY/${privateProject}/large:1`;
    await typed.succeeds('developer', `docker build --tag ${large} large`);
    const before = await imageId(large);
    const watch = stopwatch(context);
    await typed.succeeds('developer', `docker push ${large}`);
    watch('pushed 200 MiB');
    await forget(large);
    await typed.succeeds('developer', `docker pull ${large}`);
    watch('pulled 200 MiB');
    assert.equal(await imageId(large), before);
  });

  test('goes on with a download that was cut off', async (context) => {
    const large = `$REGISTRY/${privateProject}/large:1`;
    const before = await imageId(large);
    await forget(large);
    const watch = stopwatch(context);
    await bed.whileCutting(largeLayer / 2, async () => {
      await typed.succeeds('developer', `docker pull ${large}`);
    });
    watch('pulled 200 MiB with a cut half-way');
    assert.equal(await imageId(large), before);
    await bed.berth.hasLogged(/"path":"\/v2\/ithome\/large\/blobs\/.*"status":206/);
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    assert.match(
      await typed.fails('stranger', `docker pull ${app}:1`),
      lacks(username, 'pull', `${privateProject}/app`),
    );
    assert.match(
      await typed.fails('stranger', `docker push ${app}:1`),
      lacks(username, 'push', `${privateProject}/app`),
    );
    assert.match(
      await typed.fails('nobody', `docker pull ${app}:1`),
      anonymousLacks('pull', `${privateProject}/app`),
    );
    assert.match(
      await typed.fails('nobody', `docker push ${app}:1`),
      anonymousLacks('push', `${privateProject}/app`),
    );
    assert.match(
      await typed.fails('robot', `docker push ${app}:1`),
      containing(`robot ${bed.people.robot.username} has no push on ${privateProject}/app`),
    );
  });

  test('shows what is wrong with a reference', async () => {
    assert.match(
      await typed.fails('developer', `docker pull ${app}:3`),
      containing(`${privateProject}/app has no tag 3; its nearest tags are 2, 1`),
    );
    assert.match(
      await typed.fails('developer', `docker pull $REGISTRY/${privateProject}/absent:1`),
      containing(`There is no repository ${privateProject}/absent`),
    );
    await typed.succeeds('developer', `docker tag ${app}:1 $REGISTRY/app:1`);
    const refusal = await typed.fails('developer', 'docker push $REGISTRY/app:1');
    assert.match(
      refusal,
      containing('repositories read PROJECT/NAME, so write for instance library/app'),
    );
    assert.doesNotMatch(refusal, /Retrying/);
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/app:1`;
    await typed.succeeds('developer', `docker tag ${app}:1 ${open} && docker push ${open}`);
    await forget(open);
    await typed.succeeds('nobody', `docker pull ${open}`);
    assert.equal(await imageId(open), await imageId(`${app}:1`));
  });

  test('pushes an index and pulls by platform', async () => {
    const arm = `$REGISTRY/${privateProject}/app:arm64`;
    const list = `$REGISTRY/${privateProject}/app:list`;
    await typed.succeeds(
      'developer',
      `docker build --label platform=arm64 --tag ${arm} app && docker push ${arm}
docker manifest create ${list} ${app}:1 ${arm}
docker manifest annotate --arch arm64 ${list} ${arm}
docker manifest push ${list}`,
    );
    const [one, other] = [await imageId(`${app}:1`), await imageId(arm)];
    assert.notEqual(one, other);
    await forget(arm);
    await typed.succeeds('robot', `docker pull --platform linux/arm64 ${list}`);
    assert.equal(await imageId(list), other);
    await typed.succeeds('robot', `docker pull --platform linux/amd64 ${list}`);
    assert.equal(await imageId(list), one);
  });
});
