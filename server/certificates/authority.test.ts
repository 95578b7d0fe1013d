import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { createAuthority, createLeafKey, issueLeaf } from './authority.ts';
import { servedNames } from './names.ts';

const DAY = 86_400_000;
const now = Date.now();
const names = servedNames(
  'https://registry.example:5000',
  ['192.0.2.10', '2001:db8::5', 'other.example'],
  'machine',
);

describe('an authority', () => {
  test('signs certificates, and nothing that could sign further ones', async () => {
    const certificate = new X509Certificate((await createAuthority(now)).certificate);

    assert.equal(certificate.ca, true);
    assert.match(certificate.subject, /^CN=Berth CA [0-9a-f]{8}$/);
    assert.equal(certificate.verify(certificate.publicKey), true);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    const years = (certificate.validToDate.getTime() - now) / (365 * DAY);
    assert.ok(years > 9.99 && years <= 10, `${years} years`);
  });

  test('has a name of its own, so that two installations are told apart in one trust store', async () => {
    const [one, other] = [await createAuthority(now), await createAuthority(now)];

    assert.notEqual(
      new X509Certificate(one.certificate).subject,
      new X509Certificate(other.certificate).subject,
    );
  });
});

describe('a leaf', () => {
  test('is issued by the authority for the key, the names and the addresses', async () => {
    const authority = await createAuthority(now);
    const key = await createLeafKey();
    const leaf = new X509Certificate(await issueLeaf(authority, key, names, now));

    assert.equal(leaf.checkIssued(new X509Certificate(authority.certificate)), true);
    assert.equal(leaf.verify(createPublicKey(authority.key)), true);
    assert.deepEqual(
      leaf.publicKey.export({ type: 'spki', format: 'pem' }),
      createPublicKey(key).export({ type: 'spki', format: 'pem' }),
    );
    assert.equal(leaf.ca, false);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    for (const name of ['registry.example', 'other.example', 'machine', 'localhost']) {
      assert.equal(leaf.checkHost(name), name);
    }
    for (const address of ['192.0.2.10', '2001:db8::5', '127.0.0.1', '::1']) {
      assert.equal(leaf.checkIP(address), address);
    }
    assert.equal(leaf.checkHost('elsewhere.example'), undefined);
  });

  test('holds for a machine whose clock is an hour late, and for less than 398 days', async () => {
    const leaf = new X509Certificate(
      await issueLeaf(await createAuthority(now), await createLeafKey(), names, now),
    );

    assert.ok(now - leaf.validFromDate.getTime() >= 3_600_000);
    const life = leaf.validToDate.getTime() - leaf.validFromDate.getTime();
    assert.ok(life > 360 * DAY && life < 398 * DAY, `${life / DAY} days`);
  });

  test('never outlives its authority', async () => {
    const authority = await createAuthority(now - 3600 * DAY);
    const leaf = new X509Certificate(await issueLeaf(authority, await createLeafKey(), names, now));

    assert.equal(leaf.validTo, new X509Certificate(authority.certificate).validTo);
  });

  test('with a first name too long for a common name still names it', async () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
    const leaf = new X509Certificate(
      await issueLeaf(
        await createAuthority(now),
        await createLeafKey(),
        servedNames(`https://${long}`),
        now,
      ),
    );

    assert.equal(leaf.checkHost(long), long);
  });
});
