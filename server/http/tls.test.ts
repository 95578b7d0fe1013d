import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemErrorCode } from '#lib/errors.ts';
import { createAuthority, createLeafKey, issueLeaf } from '#server/certificates/authority.ts';
import { certificatesFromFiles } from '#server/certificates/files.ts';
import { servedNames } from '#server/certificates/names.ts';
import {
  ca,
  converse,
  FRIEND,
  log,
  STRANGER,
  secureConnection,
  send,
  start,
} from './testing/listeners.ts';

const folder = await mkdtemp(join(tmpdir(), 'berth-listener-'));
after(() => rm(folder, { recursive: true }));

describe('TLS', () => {
  test('is 1.2 or newer, and speaks HTTP/1.1', async () => {
    await using server = await start();

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await secureConnection(server.port, {
        maxVersion: version,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      assert.equal(socket.getProtocol(), version);
      assert.equal(socket.alpnProtocol, 'http/1.1');
      socket.destroy();
    }
    await assert.rejects(
      secureConnection(server.port, {
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    );
  });

  test('takes the connection’s handle, not its JavaScript stream, which would halve its speed', async () => {
    let parent: unknown;
    await using server = await start({
      onRequest(request, response) {
        parent = (request.socket as unknown as { _parent: unknown })._parent;
        response.end();
      },
    });
    await send(server.port, { secure: true });

    assert.equal(parent?.constructor, net.Socket);
  });

  test('tells who sent what is no handshake, and closes', async () => {
    await using server = await start();
    await converse(server.port, Buffer.from('16030100ff'.padEnd(600, '7a'), 'hex'), STRANGER);
    await server.failed;

    assert.equal(server.failures[0]?.address, STRANGER);
    assert.match((await send(server.port, { secure: true })).body, /^tls GET/);
  });

  test('gives up on a handshake that takes too long', async () => {
    await using server = await start({ limits: { handshake: 50 } });
    await converse(server.port, Buffer.from([0x16]));
    await server.failed;

    assert.equal(systemErrorCode(server.failures[0]?.error), 'ERR_TLS_HANDSHAKE_TIMEOUT');
  });

  test('gives up on one that trickles, too', async () => {
    await using server = await start({ limits: { handshake: 100 } });
    const socket = net.connect({ host: FRIEND, port: server.port, noDelay: true });
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const trickle = setInterval(() => socket.write(Buffer.from([0x00])), 20);
    socket.resume().on('error', () => {});
    await server.failed;
    clearInterval(trickle);
    socket.destroy();

    assert.equal(systemErrorCode(server.failures[0]?.error), 'ERR_TLS_HANDSHAKE_TIMEOUT');
  });

  test('changes its certificate without dropping connections', async () => {
    const files = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
    const authority = await createAuthority(Date.now());
    const install = async (name: string): Promise<void> => {
      const key = await createLeafKey();
      const names = servedNames(`https://${name}`, [], 'machine');
      await writeFile(files.keyFile, key);
      await writeFile(files.certificateFile, await issueLeaf(authority, key, names, Date.now()));
    };
    await install('before.example');
    const certificates = await certificatesFromFiles(files, log);
    const changed = new Promise<void>((resolve) => void certificates.onChange(resolve));
    try {
      await using server = await start({ certificates });
      const trusting = { ca: authority.certificate };
      const old = await secureConnection(server.port, trusting);
      await install('after.example');
      await changed;
      const young = await secureConnection(server.port, trusting);

      assert.match(old.getPeerCertificate().subjectaltname ?? '', /before\.example/);
      assert.match(young.getPeerCertificate().subjectaltname ?? '', /after\.example/);
      for (const socket of [old, young]) {
        socket.end('GET /still HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
        assert.match(Buffer.concat(await socket.toArray()).toString(), /tls GET \/still/);
      }
    } finally {
      certificates.close();
    }
  });

  test('satisfies openssl by name, address and authority, and tells of one that distrusts it', async (context) => {
    await using server = await start();
    const caFile = join(folder, 'ca.crt');
    await writeFile(caFile, ca);
    const strangersCa = join(folder, 'other-ca.crt');
    await writeFile(strangersCa, (await createAuthority(Date.now())).certificate);
    const check = (file: string, ...checks: string[]): Promise<string | undefined> =>
      openssl(
        ...['s_client', '-connect', `${FRIEND}:${server.port}`, '-CAfile', file, '-x509_strict'],
        ...['-verify_return_error', ...checks],
      );

    const byName = await check(caFile, '-verify_hostname', 'registry.example');
    if (byName === undefined) {
      context.skip('openssl is not installed');
      return;
    }
    assert.match(byName, /Verify return code: 0 \(ok\)/);
    assert.match((await check(caFile, '-verify_ip', FRIEND)) ?? '', /Verify return code: 0 \(ok\)/);
    assert.equal(server.failures.length, 0);

    await check(strangersCa);
    await server.failed;
    assert.equal(server.failures[0]?.address, FRIEND);
    assert.match(String(server.failures[0]?.error), /unknown ca/);
    assert.match((await send(server.port, { secure: true })).body, /^tls GET/);
  });
});

/** What openssl prints; undefined where it is not installed. */
async function openssl(...words: string[]): Promise<string | undefined> {
  const child = spawn('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  const output = child.stdout.toArray();
  try {
    await once(child, 'close');
    return Buffer.concat(await output).toString();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
