import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import type { Upgrades } from './listener.ts';
import { converse, FRIEND, STRANGER, secureConnection, start } from './testing/listeners.ts';

/** Talks on connections that ask to be upgraded at `/talk`, until it is told to end. */
function talking() {
  const open = new Set<Duplex>();
  const upgrades: Upgrades = {
    takes: ({ url }) => url === '/talk',
    answer(request, socket, head) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n');
      socket.write(`${request.url} ${head}`);
      socket.pipe(socket);
    },
    end() {
      for (const socket of open) socket.end('bye');
    },
  };
  return { open, upgrades };
}

const waitUntil = (holds: () => boolean) =>
  waitFor(async () => holds(), { what: 'the connection to get so far' });

const wish = (target: string) =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n`;

describe('an upgrade', () => {
  for (const secure of [false, true]) {
    test(`is given the connection where it is taken, ${secure ? 'by TLS' : 'in plain HTTP'}`, async () => {
      const { upgrades } = talking();
      await using server = await start({ upgrades });
      const socket = secure
        ? await secureConnection(server.port)
        : net.connect({ host: FRIEND, port: server.port });
      socket.write(`${wish('/talk')}early`);
      let heard = '';
      socket.on('data', (chunk) => (heard += chunk));
      await waitUntil(() => heard.endsWith('/talk early'));
      socket.write('echo');
      await waitUntil(() => heard.endsWith('echo'));
      socket.destroy();
    });
  }

  test('that is not taken is answered as if nobody had wished for it', async () => {
    const { upgrades } = talking();
    await using server = await start({ upgrades });
    const socket = net.connect({ host: FRIEND, port: server.port });
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk));
    socket.write(wish('/other'));
    await waitUntil(() => /^HTTP\/1\.1 200 [\s\S]*plain GET \/other /.test(heard));
    socket.write('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
    await waitUntil(() => heard.includes('plain GET /next '));
    socket.destroy();
  });

  test('in plain HTTP from who is not trusted is sent to https', async () => {
    const { upgrades, open } = talking();
    await using server = await start({ upgrades });
    const socket = net.connect({ host: FRIEND, port: server.port, localAddress: STRANGER });
    socket.write(wish('/talk'));
    const [reply] = (await once(socket, 'data')) as [Buffer];
    assert.match(String(reply), /^HTTP\/1\.1 308 /);
    assert.equal(open.size, 0);
    socket.destroy();
  });

  test('is ended by closing, and cut after the limit where its client goes on', async () => {
    const { upgrades, open } = talking();
    const server = await start({ upgrades });
    const polite = converse(server.port, wish('/talk'));
    const stubborn = net.connect({ host: FRIEND, port: server.port, allowHalfOpen: true });
    stubborn.write(wish('/talk'));
    stubborn.resume().on('error', () => {});
    const cut = once(stubborn, 'close');
    await waitUntil(() => open.size === 2);
    await server.close({ drainMilliseconds: 200 });
    assert.match(await polite, /bye$/);
    stubborn.destroy();
    await cut;
    await waitUntil(() => open.size === 0);
  });
});
