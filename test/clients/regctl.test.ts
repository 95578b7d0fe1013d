import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bed, privateProject, publicProject, startBed } from './bed.ts';
import { largeLayer, mebibyte, seededBytes, seededIndex, writeLayout } from './images.ts';
import { containing, lacks, unknownAuthority } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

describe('regctl', () => {
  let bed: Bed;
  let typed: Typist;
  let index: Awaited<ReturnType<typeof seededIndex>>;
  const name = `${privateProject}/regctl`;
  const app = `$REGISTRY/${name}`;
  const people = ['admin', 'developer', 'token', 'robot', 'stranger', 'nobody'] as const;

  before(async () => {
    bed = await startBed();
    typed = typistOf(bed);
    const { home } = bed.workstation;
    index = await seededIndex('regctl');
    await writeLayout(join(home, 'index'), '1', index.index);
    await bed.workstation.write(join(home, 'large'), seededBytes('regctl large', largeLayer));
    await bed.workstation.write(join(home, 'blob'), seededBytes('regctl', 10 * mebibyte));
  });
  after(() => bed.stop());

  test('does not speak to Berth before it knows the authority', async () => {
    assert.match(await typed.fails('nobody', `regctl tag ls ${app}`), unknownAuthority);
  });

  test('signs in with a password, an access token and as a robot', async () => {
    for (const person of people) {
      await typed.succeeds(
        person,
        'regctl registry set --tls enabled --cacert "$(cat ca.crt)" $REGISTRY',
      );
    }
    const signIn = 'regctl registry login --user "$NAME" --pass-stdin $REGISTRY';
    assert.match(await typed.fails('developer', `${signIn} <<<wrong`), /unauthorized/);
    for (const person of people) {
      if (person !== 'nobody') await typed.succeeds(person, `${signIn} <<<"$PASSWORD"`);
    }
  });

  test('pulls an index that it pushed, whole and by platform', async () => {
    await typed.succeeds('developer', `regctl image copy ocidir://index:1 ${app}:1`);
    await typed.succeeds(
      'robot',
      `regctl image copy ${app}:1 ocidir://pulled:1 && diff --recursive index/blobs pulled/blobs`,
    );
    for (const architecture of ['amd64', 'arm64'] as const) {
      assert.equal(
        await typed.succeeds(
          'token',
          `regctl image digest --platform linux/${architecture} ${app}:1`,
        ),
        `${index[architecture].descriptor.digest}\n`,
      );
    }
  });

  test('copies between repositories, referrers included', async () => {
    await typed.succeeds(
      'developer',
      `regctl artifact put --artifact-type application/vnd.berth.review --subject ${app}:1 <ca.crt
regctl image copy --referrers ${app}:1 ${app}-copy:1`,
    );
    for (const repository of [app, `${app}-copy`]) {
      assert.match(
        await typed.succeeds('robot', `regctl artifact list ${repository}:1`),
        /ArtifactType: application\/vnd\.berth\.review/,
      );
      await typed.succeeds('robot', `regctl artifact get --subject ${repository}:1 | cmp ca.crt`);
    }
  });

  test('uploads a blob in chunks and in one piece', async () => {
    const blob = `${app}-blob sha256:$(sha256sum <blob | cut --characters=1-64)`;
    await typed.succeeds(
      'developer',
      `regctl registry set --blob-chunk ${mebibyte} --blob-max ${2 * mebibyte} $REGISTRY
regctl blob put ${app}-blob <blob
regctl registry set --blob-chunk 0 --blob-max -1 $REGISTRY`,
    );
    // The last of its requests: those before it are in the log by then.
    await bed.berth.hasLogged(/"method":"PUT","path":"\/v2\/ithome\/regctl-blob\/.*"status":201/);
    const chunks = await bed.berth.hasLogged(
      /"method":"PATCH","path":"\/v2\/ithome\/regctl-blob\/[^"]*",.*"status":202/,
    );
    assert.equal(chunks.length, 10);
    await typed.succeeds('robot', `regctl blob get ${blob} | cmp blob`);
    await typed.succeeds('developer', `regctl blob put ${app}-one <blob`);
    await typed.succeeds('robot', `regctl blob get ${blob.replace('-blob', '-one')} | cmp blob`);
  });

  test('carries a blob of 200 MiB', async (context) => {
    const watch = stopwatch(context);
    await typed.succeeds('developer', `regctl blob put ${app}-large <large`);
    watch('pushed 200 MiB');
    const blob = `${app}-large sha256:$(sha256sum <large | cut --characters=1-64)`;
    await typed.succeeds('robot', `regctl blob get ${blob} | cmp large`);
    watch('pulled 200 MiB');
  });

  test('goes on with a download that was cut off', async () => {
    const blob = `${app}-large sha256:$(sha256sum <large | cut --characters=1-64)`;
    await bed.whileCutting(largeLayer / 2, async () => {
      await typed.succeeds('robot', `regctl blob get ${blob} | cmp large`);
    });
    await bed.berth.hasLogged(/"path":"\/v2\/ithome\/regctl-large\/blobs\/.*"status":206/);
  });

  test('lists tags in pages, and repositories', async () => {
    await typed.succeeds(
      'developer',
      `for tag in 2 3 4 5; do regctl image copy ${app}:1 ${app}:$tag; done`,
    );
    assert.equal(await typed.succeeds('robot', `regctl tag ls ${app}`), '1\n2\n3\n4\n5\n');
    assert.equal(await typed.succeeds('robot', `regctl tag ls --limit 2 ${app}`), '1\n2\n');
    assert.equal(
      await typed.succeeds('robot', `regctl tag ls --limit 2 --last 2 ${app}`),
      '3\n4\n',
    );
    assert.match(
      await typed.succeeds('robot', 'regctl repo ls $REGISTRY'),
      containing(`${name}\n${name}-blob\n${name}-copy\n`),
    );
  });

  test('deletes a tag and leaves its manifest to the others', async () => {
    await typed.succeeds('admin', `regctl tag rm ${app}:2`);
    assert.equal(await typed.succeeds('robot', `regctl tag ls ${app}`), '1\n3\n4\n5\n');
    assert.equal(
      await typed.succeeds('robot', `regctl manifest head ${app}:3`),
      `${index.index.descriptor.digest}\n`,
    );
  });

  test('shows what a user lacks who pushes, and is refused a pull', async () => {
    assert.match(
      await typed.fails('stranger', `regctl blob put ${app} <ca.crt`),
      lacks(bed.people.stranger.username, 'push', name),
    );
    assert.match(
      await typed.fails('robot', `regctl blob put ${app} <ca.crt`),
      containing(`robot ${bed.people.robot.username} has no push on ${name}`),
    );
    // For any 401 this client has one word of its own.
    for (const person of ['stranger', 'nobody'] as const) {
      assert.match(await typed.fails(person, `regctl manifest get ${app}:1`), /unauthorized/);
      assert.match(await typed.fails(person, `regctl tag ls ${app}`), /unauthorized/);
    }
  });

  test('pulls from a public project without a sign-in', async () => {
    const open = `$REGISTRY/${publicProject}/regctl:1`;
    await typed.succeeds('developer', `regctl image copy ${app}:1 ${open}`);
    await typed.succeeds(
      'nobody',
      `regctl image copy ${open} ocidir://open:1 && diff --recursive index/blobs open/blobs`,
    );
  });
});
