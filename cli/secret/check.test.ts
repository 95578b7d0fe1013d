import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { dockerConfigJson } from '#kubernetes/dockerconfigjson.ts';
import { createRegistryClient } from '#oci/client.ts';
import { buildImage } from '#oci/image.ts';
import { type SignedIn, signIn } from '../testing/command-line.ts';
import { type CheckOptions, checkSecret } from './check.ts';

let admin: SignedIn;
let robot: { name: string; secret: string };
let stranger: { name: string; secret: string };

async function json(...given: string[]) {
  const result = await admin.berth([...given, '--json']);
  assert.equal(result.code, 0, result.stderr);
  return result.json();
}

before(async () => {
  admin = await signIn();
  await json('project', 'create', 'team');
  await json('project', 'create', 'other');
  robot = await json('robot', 'create', 'pull', '--project', 'team');
  stranger = await json('robot', 'create', 'pull', '--project', 'other');
  const client = createRegistryClient({
    registry: admin.server.host,
    protocol: 'https',
    credentials: { username: 'admin', password: admin.adminPassword },
    certificateAuthorities: admin.server.authority,
  });
  const image = buildImage({
    platform: { os: 'linux', architecture: 'amd64' },
    layers: [],
    config: {},
  });
  for (const [digest, bytes] of image.blobs) {
    if (digest !== image.descriptor.digest) await client.pushBlob('team/app', digest, bytes);
  }
  const { mediaType } = image.descriptor;
  await client.putManifest('team/app', 'v1', { bytes: image.bytes, mediaType });
  client.close();
});
after(() => admin[Symbol.asyncDispose]());

function secretFor(account: { name: string; secret: string }, key = admin.server.host) {
  const file = dockerConfigJson({ key, username: account.name, password: account.secret });
  return {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(file).toString('base64') },
  };
}

async function check(options: Partial<CheckOptions>) {
  const checks = await checkSecret({
    secretName: 'regcred',
    namespace: 'web',
    secret: secretFor(robot),
    images: [{ image: `${admin.server.host}/team/app:v1`, workloads: ['Deployment web'] }],
    authorityOf: () => admin.server.authority,
    ...options,
  });
  for (const { result, message, cure } of checks) {
    assert.match(message, /[.!?]$/);
    assert.equal(cure !== undefined, result !== 'ok', message);
  }
  return checks;
}

const results = (checks: Awaited<ReturnType<typeof check>>) =>
  checks.map(({ check: name, result }) => `${name} ${result}`);

describe('a Secret with which pods can pull', () => {
  test('passes every step', async () => {
    assert.deepEqual(results(await check({})), ['content ok', 'host ok', 'sign-in ok', 'pull ok']);
  });

  test('that nobody uses is noted', async () => {
    const checks = await check({ images: [] });
    assert.deepEqual(results(checks), ['content ok', 'use note']);
    assert.match(checks[1]?.cure ?? '', /kubectl patch serviceaccount/);
  });
});

describe('a Secret with which pods cannot pull is told by its fault', () => {
  test('absent', async () => {
    const [failure, ...more] = await check({ secret: undefined });
    assert.equal(failure?.check, 'secret');
    assert.match(failure?.cure ?? '', /^berth secret create regcred --namespace web/);
    assert.equal(more.length, 0);
  });

  test('of the wrong type', async () => {
    const checks = await check({ secret: { ...secretFor(robot), type: 'Opaque' } });
    assert.deepEqual(results(checks), ['content failed']);
  });

  test('for another port, another host, or a path', async () => {
    const host = admin.server.host.replace(/:.*/, '');
    for (const [key, reason] of [
      [host, /localhost has another port/],
      ['registry.test', /registry\.test is another host/],
      [`${admin.server.host}/other`, /has a path/],
      [`https://${admin.server.host}/v2`, /has a path/],
    ] as const) {
      const checks = await check({ secret: secretFor(robot, key) });
      assert.deepEqual(results(checks), ['content ok', 'host failed']);
      assert.match(checks[1]?.message ?? '', reason);
      assert.ok(checks[1]?.cure?.includes(`--registry ${admin.server.host}`));
    }
  });

  test('with a secret that does not hold', async () => {
    const wrong = { name: robot.name, secret: `${robot.secret.slice(0, -1)}_` };
    const checks = await check({ secret: secretFor(wrong) });
    assert.deepEqual(results(checks), ['content ok', 'host ok', 'sign-in failed']);
    assert.match(checks[2]?.cure ?? '', /berth robot refresh/);
  });

  test('without the right to pull: the server says who lacks what', async () => {
    const checks = await check({ secret: secretFor(stranger) });
    assert.deepEqual(results(checks), ['content ok', 'host ok', 'sign-in ok', 'pull failed']);
    assert.ok(checks[3]?.message.includes(stranger.name));
    assert.match(checks[3]?.message ?? '', /no pull on team\/app/);
  });

  test('for an image that is not there, or is none', async () => {
    const missing = [{ image: `${admin.server.host}/team/app:v2`, workloads: ['Pod a'] }];
    const checks = await check({ images: missing });
    assert.deepEqual(results(checks), ['content ok', 'host ok', 'sign-in ok', 'pull failed']);
    assert.match(checks[3]?.message ?? '', /^There is no such image/);
    const none = await check({ images: [{ image: 'Not An Image', workloads: ['Pod a'] }] });
    assert.deepEqual(results(none), ['content ok', 'image failed']);
  });

  test('at a server whose certificate is not trusted here, or that is not there', async () => {
    const untrusted = await check({ authorityOf: () => undefined });
    assert.deepEqual(results(untrusted), ['content ok', 'host ok', 'sign-in failed']);
    assert.match(untrusted[2]?.cure ?? '', /berth login/);
    const gone = await check({
      secret: secretFor(robot, 'localhost:1'),
      images: [{ image: 'localhost:1/team/app', workloads: ['Pod a'] }],
    });
    assert.deepEqual(results(gone), ['content ok', 'host ok', 'sign-in failed']);
  });
});
