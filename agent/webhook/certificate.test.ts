import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { createServingCertificate } from './certificate.ts';

const day = 86_400_000;

for (const year of [2026, 2049, 2051]) {
  test(`a certificate of ${year} says what it was made for, and is signed by its own key`, () => {
    const notBefore = new Date(Date.UTC(year, 0, 2, 3, 4, 5));
    const notAfter = new Date(notBefore.getTime() + 7 * day);
    const names = ['agent.berth.svc', 'agent.berth.svc.cluster.local'] as const;
    const { certificate, key } = createServingCertificate({ names, notBefore, notAfter });
    const read = new X509Certificate(certificate);
    assert.equal(read.subjectAltName, names.map((name) => `DNS:${name}`).join(', '));
    assert.equal(read.validFromDate.getTime(), notBefore.getTime());
    assert.equal(read.validToDate.getTime(), notAfter.getTime());
    assert.deepEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.equal(read.ca, false);
    assert.ok(read.verify(read.publicKey));
    assert.ok(read.checkPrivateKey(createPrivateKey(key)));
  });
}

test('a client that is told to trust it connects by its name, and by no other', async () => {
  const { certificate, key } = createServingCertificate({
    names: ['agent.berth.svc'],
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
  });
  const server = createServer({ cert: certificate, key }, (socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const ask = (servername: string) =>
    text(connect({ port: address.port, host: '127.0.0.1', ca: certificate, servername }));
  assert.equal(await ask('agent.berth.svc'), 'hello');
  await assert.rejects(ask('other.berth.svc'), /altnames/);
  server.close();
});
