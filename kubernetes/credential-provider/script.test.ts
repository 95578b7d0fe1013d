import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { inertProviderScript, providerScript } from './script.ts';

const registry = 'reg.example.com:5000';
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzIn0.c2lnbmF0dXJl_-';
const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh']] as const;

const folder = mkdtempSync(join(tmpdir(), 'berth-provider-'));
after(() => rmSync(folder, { recursive: true }));
const active = join(folder, 'active');
const inert = join(folder, 'inert');
writeFileSync(active, providerScript(registry));
writeFileSync(inert, inertProviderScript());

const none = {
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  kind: 'CredentialProviderResponse',
  cacheKeyType: 'Image',
  cacheDuration: '0s',
  auth: null,
};

/** As Go writes it. */
function request(image: unknown, serviceAccountToken?: unknown): string {
  const kind = 'CredentialProviderRequest';
  const { apiVersion } = none;
  return `${JSON.stringify({ kind, apiVersion, image, serviceAccountToken })}\n`;
}

for (const [shell, ...shellArguments] of shells) {
  /** The environment is empty: nothing but the shell is found by its name. */
  const run = (script: string, input: string | Buffer): unknown => {
    const { status, stdout, stderr } = spawnSync(`/usr/bin/${shell}`, [...shellArguments, script], {
      input,
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    });
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  };
  const answer = (input: string | Buffer) => run(active, input);

  describe(`the credential provider in ${shell}`, () => {
    test('hands the token of a pod on as the password for this registry', () => {
      assert.deepEqual(answer(request(`${registry}/team/app`, token)), {
        ...none,
        cacheKeyType: 'Registry',
        auth: { [registry]: { username: 'jwt', password: token } },
      });
    });

    test('reads a request that is written over several lines', () => {
      const pretty = JSON.stringify(JSON.parse(request(`${registry}/team/app`, token)), null, 2);
      const { auth } = answer(pretty) as { auth: object };
      assert.deepEqual(auth, { [registry]: { username: 'jwt', password: token } });
    });

    test('has nothing for images of others, nor for those of the server itself', () => {
      for (const image of [
        'reg.example.com/team/app',
        'reg.example.com:50000/team/app',
        'reg-example.com:5000/team/app',
        `evil.example.com/${registry}/team/app`,
        registry,
        `${registry}/berth/agent`,
        '',
        7,
      ]) {
        assert.deepEqual(answer(request(image, token)), none, String(image));
      }
    });

    test('has nothing where there is no token, or none that a JSON text may hold as it is', () => {
      for (const bad of [
        undefined,
        '',
        'a.b',
        'a"b.c.d',
        "a'b.c.d",
        'a.b.$(id)',
        'a.b.`id`',
        'ä.b.c',
        null,
        {},
      ]) {
        assert.deepEqual(answer(request(`${registry}/team/app`, bad)), none, String(bad));
      }
    });

    test('answers whatever it is given', () => {
      for (const input of [
        '',
        '\n\n\n',
        '{',
        '"image":',
        '"image":"',
        `"image":"${registry}/a/b"`,
        `"image":"${registry}/a/b","serviceAccountToken":`,
        '%s%n\\0\\c*?[',
        `${' '.repeat(6_000)}"image":${' '.repeat(5_000)}`,
        'x'.repeat(200_000),
        Buffer.from([0, 255, 254, 10, 0, 34]),
      ]) {
        assert.deepEqual(answer(input), none);
      }
    });

    test('has nothing at all once it is inert', () => {
      assert.deepEqual(run(inert, request(`${registry}/team/app`, token)), none);
    });
  });
}
