import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createAuthority, createLeafKey, issueLeaf } from './authority.ts';
import type { ServerCertificates, ServerIdentity } from './certificates.ts';
import { certificatesFromFiles } from './files.ts';
import { servedNames } from './names.ts';

const DAY = 86_400_000;
const root = await mkdtemp(join(tmpdir(), 'berth-certificate-files-'));
after(() => rm(root, { recursive: true }));

const authority = await createAuthority(Date.now());

async function issue(name: string, now = Date.now()): Promise<ServerIdentity> {
  const key = await createLeafKey();
  return {
    key,
    certificate: await issueLeaf(authority, key, servedNames(`https://${name}`), now),
  };
}

const good = await issue('a.example');
const other = await issue('b.example');
const expired = await issue('a.example', Date.now() - 400 * DAY);

async function folder(identity?: ServerIdentity) {
  const path = await mkdtemp(join(root, 'pair-'));
  const files = { certificateFile: join(path, 'tls.crt'), keyFile: join(path, 'tls.key') };
  if (identity !== undefined) {
    await writeFile(files.certificateFile, identity.certificate);
    await writeFile(files.keyFile, identity.key);
  }
  return { path, files };
}

/** Warnings and infos as they come. */
function recordingLog() {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const add = (line: string): void => {
    lines.push(line);
    for (const wake of waiting) wake();
  };
  return {
    lines,
    info: add,
    warn: add,
    async until(pattern: RegExp): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => {
        if (lines.some((line) => pattern.test(line))) resolve();
      };
      waiting.add(wake);
      wake();
      await promise;
      waiting.delete(wake);
    },
  };
}

function changed(certificates: ServerCertificates): Promise<void> {
  return new Promise((resolve) => {
    const end = certificates.onChange(() => {
      end();
      resolve();
    });
  });
}

function names(certificates: ServerCertificates): string | undefined {
  return new X509Certificate(certificates.identity().certificate).subjectAltName;
}

describe('a certificate from files', () => {
  test('is served as it stands, the chain whole, and names no authority', async () => {
    const chain = { key: good.key, certificate: good.certificate + authority.certificate };
    const { files } = await folder(chain);
    const certificates = await certificatesFromFiles(files, recordingLog());
    certificates.close();

    assert.deepEqual(certificates.identity(), {
      certificate: chain.certificate,
      key: chain.key,
    });
    assert.equal(certificates.authority(), undefined);
    assert.equal(certificates.authorityFingerprint(), undefined);
    assert.match(certificates.publicKeyPin(), /^sha256\/\/[A-Za-z0-9+/]{43}=$/);
  });

  test('names the authority that its administrator brought, and follows that file too', async () => {
    const next = await createAuthority(Date.now());
    const { path, files } = await folder(good);
    const authorityFile = join(path, 'ca.crt');
    await writeFile(authorityFile, next.certificate + authority.certificate);
    const log = recordingLog();
    const certificates = await certificatesFromFiles({ ...files, authorityFile }, log);
    try {
      assert.equal(certificates.authority(), authority.certificate.trimEnd().concat('\n'));
      assert.equal(certificates.authorities().length, 2);
      const told = changed(certificates);
      await writeFile(authorityFile, authority.certificate);
      await told;
      assert.equal(certificates.authorities().length, 1);

      await writeFile(authorityFile, next.certificate);
      await log.until(/BERTH_TLS_AUTHORITY.*no certificate issued/);
      assert.equal(
        certificates.authorityFingerprint(),
        new X509Certificate(authority.certificate).fingerprint256,
      );
    } finally {
      certificates.close();
    }
  });

  const refusals: [string, Partial<ServerIdentity>, RegExp][] = [
    [
      'is not there',
      {},
      /^BERTH_TLS_CERTIFICATE names .*tls\.crt.*no such file.*: name a PEM file/,
    ],
    [
      'comes without its key',
      { certificate: good.certificate },
      /^BERTH_TLS_KEY names .*tls\.key.*no such file/,
    ],
    [
      'is no PEM',
      { certificate: 'nothing', key: good.key },
      /^BERTH_TLS_CERTIFICATE names .* holds no certificate in PEM form.*openssl x509/,
    ],
    [
      'is damaged',
      { certificate: good.certificate.replace(/\n.{8}/, '\nAAAAAAAA'), key: good.key },
      /^BERTH_TLS_CERTIFICATE names .* a certificate is damaged/,
    ],
    [
      'comes with a broken key',
      { certificate: good.certificate, key: 'nothing' },
      /^BERTH_TLS_KEY names .* no private key in PEM form without a passphrase: .*openssl pkey/,
    ],
    [
      'comes with the key of another',
      { certificate: good.certificate, key: other.key },
      /^The key in BERTH_TLS_KEY .* does not belong to the certificate in BERTH_TLS_CERTIFICATE/,
    ],
    [
      'stands behind another one in its file',
      { certificate: authority.certificate + good.certificate, key: good.key },
      /lists another certificate before the server's own: put the one that belongs/,
    ],
    [
      'has expired',
      expired,
      /^The certificate in BERTH_TLS_CERTIFICATE .* expired on .*: renew it/,
    ],
    [
      'is far too large',
      { certificate: 'x'.repeat(1024 * 1024 + 1), key: good.key },
      /larger than 1048576 bytes/,
    ],
  ];
  for (const [what, identity, message] of refusals) {
    test(`that ${what} stops the start with a sentence that says what to do`, async () => {
      const { files } = await folder();
      if (identity.certificate !== undefined)
        await writeFile(files.certificateFile, identity.certificate);
      if (identity.key !== undefined) await writeFile(files.keyFile, identity.key);

      await assert.rejects(certificatesFromFiles(files, recordingLog()), { message });
    });
  }

  test('with a key too weak for TLS stops the start', async (context) => {
    const { files } = await folder();
    const { error } = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-days', '1', '-subj', '/CN=weak'],
      ...['-keyout', files.keyFile, '-out', files.certificateFile],
    ]);
    if (error !== undefined) {
      context.skip('openssl is not installed');
      return;
    }

    await assert.rejects(certificatesFromFiles(files, recordingLog()), {
      message: /cannot be used for TLS \(.*key too small.*\): issue another one/,
    });
  });

  test('is read again when both files are written anew', async () => {
    const { files } = await folder(good);
    const certificates = await certificatesFromFiles(files, recordingLog());
    try {
      const change = changed(certificates);
      const pin = certificates.publicKeyPin();
      await writeFile(files.certificateFile, other.certificate);
      await writeFile(files.keyFile, other.key);
      await change;

      assert.deepEqual(certificates.identity(), other);
      assert.notEqual(certificates.publicKeyPin(), pin);
    } finally {
      certificates.close();
    }
  });

  test('is read again when Kubernetes swaps the link of a mounted secret', async () => {
    const { path } = await folder();
    for (const [version, identity] of [
      ['..2026_1', good],
      ['..2026_2', other],
    ] as const) {
      await mkdir(join(path, version));
      await writeFile(join(path, version, 'tls.crt'), identity.certificate);
      await writeFile(join(path, version, 'tls.key'), identity.key);
    }
    await symlink('..2026_1', join(path, '..data'));
    await symlink('..data/tls.crt', join(path, 'tls.crt'));
    await symlink('..data/tls.key', join(path, 'tls.key'));
    const certificates = await certificatesFromFiles(
      { certificateFile: join(path, 'tls.crt'), keyFile: join(path, 'tls.key') },
      recordingLog(),
    );
    try {
      const change = changed(certificates);
      await symlink('..2026_2', join(path, '..data_tmp'));
      await rename(join(path, '..data_tmp'), join(path, '..data'));
      await change;

      assert.match(names(certificates) ?? '', /b\.example/);
    } finally {
      certificates.close();
    }
  });

  test('stays in service while the new pair is broken, is reported, and yields to a mended one', async () => {
    const { files } = await folder(good);
    const log = recordingLog();
    const certificates = await certificatesFromFiles(files, log);
    try {
      await writeFile(files.keyFile, other.key);
      await log.until(/certificate in service stays.*does not belong/);
      assert.deepEqual(certificates.identity(), good);

      const change = changed(certificates);
      await writeFile(files.certificateFile, other.certificate);
      await change;
      assert.deepEqual(certificates.identity(), other);
    } finally {
      certificates.close();
    }
  });
});
