import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { type SignedIn, signIn } from './testing/command-line.ts';

let admin: SignedIn;
before(async () => {
  admin = await signIn();
});
after(() => admin[Symbol.asyncDispose]());

const fingerprint = () => new X509Certificate(admin.server.authority).fingerprint256;

describe('berth trust', () => {
  test('in a dry run tells each file, and needs no root', async () => {
    const given = ['trust', admin.server.host, '--fingerprint', fingerprint()];
    const { code, stdout } = await admin.berth([
      ...given,
      '--dry-run',
      '--runtime',
      'docker,podman',
    ]);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        `docker      would write /etc/docker/certs.d/${admin.server.host}/ca.crt`,
        `podman      would write /etc/containers/certs.d/${admin.server.host}/ca.crt`,
        '',
      ].join('\n'),
    );
  });

  test('takes a fingerprint as other programs write it', async () => {
    for (const form of [
      fingerprint().toLowerCase(),
      `sha256:${fingerprint().replaceAll(':', '')}`,
      `SHA256=${fingerprint()}`,
    ]) {
      const given = ['trust', admin.server.host, '--fingerprint', form, '--dry-run', '--json'];
      assert.equal((await admin.berth([...given, '--runtime', 'docker'])).code, 0, form);
    }
  });

  test('refuses another fingerprint, a prefix of the right one, and none', async () => {
    const given = ['trust', admin.server.host, '--dry-run', '--runtime', 'docker'];
    for (const wrong of ['00', fingerprint().slice(0, -3), '', 'sha256:']) {
      const { code, stdout, stderr } = await admin.berth([...given, '--fingerprint', wrong]);
      assert.equal(code, 1, wrong);
      assert.equal(stdout, '');
      assert.match(stderr, /nothing was changed/);
    }
    const { code, stderr } = await admin.berth(given);
    assert.equal(code, 1);
    assert.ok(stderr.includes(fingerprint()));
  });

  test('prints a cloud-config that holds the certificate for every runtime', async () => {
    const given = ['trust', admin.server.host, '--ca-file', admin.caFile, '--print', 'cloud-init'];
    const { code, stdout } = await admin.berth(given);
    assert.equal(code, 0);
    assert.match(stdout, /^#cloud-config\n/);
    const content = parse(stdout);
    const expected = new X509Certificate(admin.server.authority).fingerprint256;
    assert.equal(new X509Certificate(content.ca_certs.trusted[0]).fingerprint256, expected);
    const certificates = content.write_files.filter(({ path }: { path: string }) =>
      path.endsWith('/ca.crt'),
    );
    assert.equal(certificates.length, 3);
    for (const file of certificates) {
      assert.equal(new X509Certificate(file.content).fingerprint256, expected);
      assert.equal(file.permissions, '0644');
    }
  });

  test('says what is wrong with a host or a runtime', async () => {
    for (const given of [
      ['trust', 'a/b', '--dry-run'],
      ['trust', '../etc', '--dry-run'],
      ['trust', admin.server.host, '--runtime', 'rkt'],
      ['trust'],
    ]) {
      const { code, stderr } = await admin.berth(given);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^berth: /);
    }
  });
});
