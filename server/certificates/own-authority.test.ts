import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, mock, test } from 'node:test';
import tls from 'node:tls';
import type { CertificateLog, ServerCertificates } from './certificates.ts';
import { servedNames } from './names.ts';
import { ownCertificates, type SharedSecrets } from './own-authority.ts';

const DAY = 86_400_000;
const silent: CertificateLog = { info: () => {}, warn: () => {} };

function sharedSecrets(): SharedSecrets {
  const secrets = new Map<string, Uint8Array>();
  return {
    async keep(name, create) {
      const created = secrets.get(name) ?? (await create());
      const kept = secrets.get(name) ?? created;
      secrets.set(name, kept);
      return kept;
    },
    async replace(name, expected, next) {
      if (Buffer.compare(secrets.get(name) ?? Buffer.alloc(0), expected) !== 0) return false;
      secrets.set(name, next);
      return true;
    },
  };
}

function leafOf(certificates: ServerCertificates): X509Certificate {
  return new X509Certificate(certificates.identity().certificate);
}

async function handshake(
  certificates: ServerCertificates,
  host: string,
  trusted = certificates.authority() ?? '',
): Promise<void> {
  const { certificate, key } = certificates.identity();
  const server = tls.createServer({ cert: certificate, key }, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const client = tls.connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      ca: trusted,
      checkServerIdentity: (_, presented) => tls.checkServerIdentity(host, presented),
    });
    await once(client, 'secureConnect');
    client.destroy();
  } finally {
    server.close();
  }
}

describe('certificates of an own authority', () => {
  test('satisfy a client that trusts the authority, by name and by address', async () => {
    const certificates = await ownCertificates(
      servedNames('https://registry.example:5000', ['192.0.2.10', '2001:db8::5']),
      sharedSecrets(),
      silent,
    );
    try {
      await handshake(certificates, 'registry.example');
      await handshake(certificates, '192.0.2.10');
      await handshake(certificates, '2001:db8::5');
      await assert.rejects(handshake(certificates, 'elsewhere.example'), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
    } finally {
      certificates.close();
    }
  });

  test('name the authority’s fingerprint as SHA-256 in hexadecimal pairs', async () => {
    const certificates = await ownCertificates(
      servedNames('https://a.example'),
      sharedSecrets(),
      silent,
    );
    certificates.close();

    assert.match(certificates.authorityFingerprint() ?? '', /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    assert.equal(
      certificates.authorityFingerprint(),
      new X509Certificate(certificates.authority() ?? '').fingerprint256,
    );
  });

  test('keep authority and pin, and follow the names, in the next process', async () => {
    const secrets = sharedSecrets();
    const first = await ownCertificates(servedNames('https://a.example'), secrets, silent);
    const second = await ownCertificates(servedNames('https://b.example'), secrets, silent);
    first.close();
    second.close();

    assert.equal(second.authority(), first.authority());
    assert.equal(second.publicKeyPin(), first.publicKeyPin());
    assert.match(first.publicKeyPin(), /^sha256\/\/[A-Za-z0-9+/]{43}=$/);
    assert.equal(leafOf(first).checkHost('b.example'), undefined);
    assert.equal(leafOf(second).checkHost('b.example'), 'b.example');
    assert.equal(leafOf(second).checkHost('a.example'), undefined);
  });

  test('are the same authority for replicas that start at once', async () => {
    const secrets = sharedSecrets();
    const names = servedNames('https://a.example');
    const replicas = await Promise.all(
      [1, 2, 3].map(() => ownCertificates(names, secrets, silent)),
    );
    for (const replica of replicas) replica.close();

    assert.equal(new Set(replicas.map((replica) => replica.authority())).size, 1);
    assert.equal(new Set(replicas.map((replica) => replica.publicKeyPin())).size, 1);
  });

  test('renew the leaf with the same key when a third of its life is left, and tell', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    let now = Date.now();
    const certificates = await ownCertificates(
      servedNames('https://a.example'),
      sharedSecrets(),
      silent,
      () => now,
    );
    try {
      const before = leafOf(certificates);
      const pin = certificates.publicKeyPin();
      let changes = 0;
      const changed = new Promise<void>((resolve) => {
        certificates.onChange(() => {
          changes += 1;
          resolve();
        });
      });

      now += 240 * DAY;
      mock.timers.tick(3_600_000);
      assert.equal(certificates.identity().certificate, before.toString());

      now += 4 * DAY;
      mock.timers.tick(3_600_000);
      await changed;

      const after = leafOf(certificates);
      assert.equal(changes, 1);
      assert.notEqual(after.serialNumber, before.serialNumber);
      assert.ok(after.validToDate.getTime() > before.validToDate.getTime() + 200 * DAY);
      assert.equal(certificates.publicKeyPin(), pin);
      assert.deepEqual(
        after.publicKey.export({ type: 'spki', format: 'der' }),
        before.publicKey.export({ type: 'spki', format: 'der' }),
      );
      assert.equal(after.checkIssued(new X509Certificate(certificates.authority() ?? '')), true);
    } finally {
      certificates.close();
      mock.timers.reset();
    }
  });

  test('refuse to start on an authority that has expired, and say what helps', async () => {
    const secrets = sharedSecrets();
    const names = servedNames('https://a.example');
    (await ownCertificates(names, secrets, silent, () => Date.now() - 4000 * DAY)).close();

    await assert.rejects(ownCertificates(names, secrets, silent), /BERTH_TLS_CERTIFICATE/);
  });

  test('change their authority while a client trusts both, in every process', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const secrets = sharedSecrets();
    const names = servedNames('https://a.example');
    const first = await ownCertificates(names, secrets, silent);
    const second = await ownCertificates(names, secrets, silent);
    const bundle = () =>
      second
        .authorities()
        .map(({ certificate }) => certificate)
        .join('');
    const followed = async (certificates: ServerCertificates) => {
      const changed = new Promise<void>((resolve) => void certificates.onChange(resolve));
      mock.timers.tick(2_000);
      await changed;
    };
    try {
      const old = first.authority() ?? '';
      assert.equal(bundle(), old);

      await first.rotation?.announce();
      await followed(second);
      assert.deepEqual(
        second.authorities().map(({ role }) => role),
        ['signing', 'next'],
      );
      const both = bundle();
      await handshake(second, 'a.example', old);

      await second.rotation?.switchOver();
      await followed(first);
      for (const certificates of [first, second]) {
        await handshake(certificates, 'a.example', both);
        await handshake(certificates, 'a.example', certificates.authority());
        await assert.rejects(handshake(certificates, 'a.example', old));
      }
      assert.deepEqual(
        first.authorities().map(({ role }) => role),
        ['signing', 'previous'],
      );
      assert.ok(bundle().includes(old));
      assert.equal(first.publicKeyPin(), second.publicKeyPin());

      await first.rotation?.retire();
      await followed(second);
      assert.equal(bundle(), first.authority());
      const later = await ownCertificates(names, secrets, silent);
      later.close();
      assert.equal(later.authority(), first.authority());
    } finally {
      first.close();
      second.close();
      mock.timers.reset();
    }
  });

  test('refuse every step of a change that is not its turn, and say which is', async () => {
    const secrets = sharedSecrets();
    const names = servedNames('https://a.example');
    const certificates = await ownCertificates(names, secrets, silent);
    const other = await ownCertificates(names, secrets, silent);
    const { rotation } = certificates;
    assert.ok(rotation);
    const before = certificates.authority();
    try {
      await assert.rejects(rotation.switchOver(), {
        kind: 'conflict',
        message: /authority rotate/,
      });
      await assert.rejects(rotation.retire(), { kind: 'conflict' });
      await assert.rejects(rotation.cancel(), { kind: 'conflict' });
      await rotation.announce();
      await assert.rejects(rotation.announce(), { message: /authority switch/ });
      await assert.rejects(rotation.retire(), { kind: 'conflict' });
      await rotation.cancel();
      assert.equal(certificates.authorities().length, 1);
      assert.equal(certificates.authority(), before);

      const settled = await Promise.allSettled([
        rotation.announce(),
        other.rotation?.announce() ?? assert.fail(),
      ]);
      assert.deepEqual(settled.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      await rotation.switchOver();
      await assert.rejects(rotation.announce(), { message: /authority retire/ });
    } finally {
      certificates.close();
      other.close();
    }
  });
});
