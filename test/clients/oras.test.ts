import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { largeLayer, mebibyte, seededBytes, seededIndex, writeLayout } from './images.ts';
import { anonymousLacks, containing, lacks, unknownAuthority, wrongPassword } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

describe('oras', () => {
  let bed: Bed;
  let typed: Typist;
  const name = `${privateProject}/oras`;
  const app = `$REGISTRY/${name}`;
  const push = `oras push --ca-file ca.crt --artifact-type application/vnd.berth.test`;
  const pull = 'oras pull --ca-file ca.crt';

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const { home } = bed.workstation;
    await bed.workstation.write(`${home}/file`, seededBytes('oras', mebibyte));
    await bed.workstation.write(`${home}/large`, seededBytes('oras large', largeLayer));
    await bed.workstation.write(`${home}/sbom.json`, Buffer.from('{"spdxVersion":"SPDX-2.3"}'));
    await writeLayout(`${home}/index`, '1', (await seededIndex('oras')).index);
  });
  after(() => bed.stop());

  test('does not speak to Berth before it knows the authority', async () => {
    assert.match(
      await typed.fails(
        'developer',
        'oras login --username "$NAME" --password-stdin $REGISTRY <<<"$PASSWORD"',
      ),
      unknownAuthority,
    );
    assert.match(await typed.fails('nobody', `oras pull ${app}:1`), unknownAuthority);
  });

  test('signs in with a password, an access token and as a robot', async () => {
    const signIn = 'oras login --ca-file ca.crt --username "$NAME" --password-stdin $REGISTRY';
    assert.match(
      await typed.fails('developer', `${signIn} <<<wrong`),
      wrongPassword(bed.people.developer.username),
    );
    for (const person of ['admin', 'developer', 'token', 'robot', 'stranger'] as const) {
      assert.match(await typed.succeeds(person, `${signIn} <<<"$PASSWORD"`), /Login Succeeded/);
    }
  });

  test('pulls what it pushed', async () => {
    await typed.succeeds('developer', `${push} ${app}:1 file:application/octet-stream`);
    for (const person of ['token', 'robot'] as const) {
      await typed.succeeds(
        person,
        `${pull} --output pulled-${person} ${app}:1 && cmp file pulled-${person}/file`,
      );
    }
  });

  test('carries a file of 200 MiB', async (context) => {
    const watch = stopwatch(context);
    await typed.succeeds('developer', `${push} ${app}:large large:application/octet-stream`);
    watch('pushed 200 MiB');
    await typed.succeeds('robot', `${pull} --output large-pulled ${app}:large`);
    watch('pulled 200 MiB');
    await typed.succeeds('robot', 'cmp large large-pulled/large');
  });

  test('streams a blob into a repository and out of it', async () => {
    const script = 'blob=$REGISTRY/$REPOSITORY@sha256:$(sha256sum <file | cut --characters=1-64)';
    const env = { REPOSITORY: `${name}-blob` };
    await typed.succeeds(
      'developer',
      `${script}\noras blob push --ca-file ca.crt --size ${mebibyte} $blob - <file`,
      { env },
    );
    await typed.succeeds(
      'robot',
      `${script}\noras blob fetch --ca-file ca.crt --output - $blob | cmp file`,
      { env },
    );
  });

  test('attaches to an artifact, discovers and copies what is attached', async () => {
    await typed.succeeds(
      'developer',
      `oras attach --ca-file ca.crt --artifact-type application/spdx+json ${app}:1 sbom.json
oras attach --ca-file ca.crt --artifact-type application/vnd.berth.review ${app}:1 --annotation by=dora`,
    );
    const discover = 'oras discover --ca-file ca.crt --format json';
    const { referrers } = JSON.parse(await typed.succeeds('robot', `${discover} ${app}:1`));
    assert.deepEqual(
      referrers.map((one: { artifactType: string }) => one.artifactType).toSorted(),
      ['application/spdx+json', 'application/vnd.berth.review'],
    );
    const filtered = JSON.parse(
      await typed.succeeds(
        'robot',
        `${discover} --artifact-type application/vnd.berth.review ${app}:1`,
      ),
    );
    assert.equal(filtered.referrers.length, 1);
    assert.equal(filtered.referrers[0].annotations.by, 'dora');

    const copy = `$REGISTRY/${privateProject}/oras-copy:1`;
    const output = await typed.succeeds(
      'developer',
      `oras copy --from-ca-file ca.crt --to-ca-file ca.crt --recursive ${app}:1 ${copy}`,
    );
    assert.match(output, /^Mounted /m);
    const copied = JSON.parse(await typed.succeeds('robot', `${discover} ${copy}`));
    assert.deepEqual(
      copied.referrers.map((one: { digest: string }) => one.digest).toSorted(),
      referrers.map((one: { digest: string }) => one.digest).toSorted(),
    );
  });

  test('pushes an index and pulls by platform', async () => {
    await typed.succeeds(
      'developer',
      `oras copy --from-oci-layout index:1 --to-ca-file ca.crt ${app}:index`,
    );
    for (const architecture of ['amd64', 'arm64']) {
      const config = await typed.succeeds(
        'robot',
        `oras manifest fetch-config --ca-file ca.crt --platform linux/${architecture} ${app}:index`,
      );
      assert.equal(JSON.parse(config).architecture, architecture);
    }
    await typed.succeeds(
      'robot',
      `oras copy --from-ca-file ca.crt ${app}:index --to-oci-layout index-pulled:1
diff --recursive index/blobs index-pulled/blobs`,
    );
  });

  test('tags, and lists tags and repositories', async () => {
    await typed.succeeds('developer', `oras tag --ca-file ca.crt ${app}:1 2 3`);
    assert.equal(
      await typed.succeeds('robot', `oras repo tags --ca-file ca.crt ${app}`),
      '1\n2\n3\nindex\nlarge\n',
    );
    assert.equal(
      await typed.succeeds('robot', `oras repo tags --ca-file ca.crt --last 2 ${app}`),
      '3\nindex\nlarge\n',
    );
    assert.equal(
      await typed.succeeds('robot', 'oras repo ls --ca-file ca.crt $REGISTRY'),
      `${name}\n${name}-blob\n${name}-copy\n`,
    );
  });

  test('deletes with the right to it only', async () => {
    const remove = `oras manifest delete --force --ca-file ca.crt ${app}:large`;
    assert.match(
      await typed.fails('developer', remove),
      lacks(bed.people.developer.username, 'delete', name),
    );
    await typed.succeeds('admin', remove);
    assert.equal(
      await typed.succeeds('robot', `oras repo tags --ca-file ca.crt ${app}`),
      '1\n2\n3\nindex\n',
    );
  });

  test('shows what a user lacks', async () => {
    const { username } = bed.people.stranger;
    assert.match(
      await typed.fails('stranger', `${pull} --output refused ${app}:1`),
      lacks(username, 'pull', name),
    );
    assert.match(
      await typed.fails('stranger', `${push} ${app}:1 file`),
      lacks(username, 'push', name),
    );
    assert.match(
      await typed.fails('nobody', `${pull} --output refused ${app}:1`),
      anonymousLacks('pull', name),
    );
    assert.match(
      await typed.fails('nobody', `${push} ${app}:1 file`),
      anonymousLacks('push', name),
    );
    assert.match(
      await typed.fails('robot', `${push} ${app}:1 sbom.json`),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/oras:1`;
    await typed.succeeds('developer', `${push} ${open} file`);
    await typed.succeeds('nobody', `${pull} --output open ${open} && cmp file open/file`);
  });
});
