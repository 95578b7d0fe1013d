import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from '../testing/server.ts';
import { openSession, type SessionTiming } from './session.ts';

const timing: SessionTiming = { pingMilliseconds: 50, silenceMilliseconds: 300 };

async function openTo(server: Awaited<ReturnType<typeof startTestServer>>) {
  server.identities.add('known');
  return await openSession({
    address: `https://${server.name}`,
    authorities: server.authority,
    identity: 'known',
    proof: 'proof',
    answers: {},
    report: () => undefined,
    signal: AbortSignal.timeout(60_000),
    timing,
  });
}

test('a server that falls silent without a farewell is left', async () => {
  await using server = await startTestServer();
  const session = await openTo(server);
  server.fallSilent();
  assert.match(await session.closed, /has said nothing for 0\.3 s/);
});

test('calls that wait when a connection ends are refused', async () => {
  await using server = await startTestServer(() => new Promise(() => undefined));
  const session = await openTo(server);
  const call = session.call('cluster.prove', {});
  server.cut();
  await assert.rejects(call, /closed the connection/);
});
