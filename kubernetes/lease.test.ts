import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { createKubernetesApi } from './api/index.ts';
import { type ElectionTiming, runElection } from './lease.ts';
import { startTestApiServer, type TestApiServer } from './testing/api-server.ts';

const lease = { name: 'berth-agent', namespace: 'berth' };
const path = '/apis/coordination.k8s.io/v1/namespaces/berth/leases';
const timing = { durationSeconds: 1, renewMilliseconds: 100, lookMilliseconds: 20 };
/** So long that nobody gets to lead by waiting for its end. */
const patient = { ...timing, durationSeconds: 600 };

interface Candidate {
  readonly leads: () => boolean;
  readonly terms: () => number;
  /** Gives the Lease up and ends. */
  stop(): Promise<void>;
  /** As a process that is killed: nothing is said any more. */
  kill(): void;
}

function candidate(
  context: TestContext,
  server: TestApiServer,
  name: string,
  given: { readonly timing?: ElectionTiming; readonly isGone?: (holder: string) => boolean } = {},
): Candidate {
  const api = createKubernetesApi({ ...server.connection, token: name });
  const ending = new AbortController();
  let leads = false;
  let terms = 0;
  let dead = false;
  const ended = runElection({
    api: { ...api, replace: (...args) => (dead ? hang() : api.replace(...args)) },
    lease,
    labels: { app: 'test' },
    candidate: name,
    isGone: async (holder) => given.isGone?.(holder) ?? false,
    lead: async (term) => {
      leads = true;
      terms += 1;
      await new Promise((resolve) => term.addEventListener('abort', resolve));
      leads = false;
    },
    signal: ending.signal,
    report: () => undefined,
    timing: given.timing ?? timing,
  });
  context.after(() => {
    ending.abort();
    api.close();
  });
  return {
    leads: () => leads,
    terms: () => terms,
    stop: async () => {
      ending.abort();
      await ended;
      api.close();
    },
    kill: () => {
      dead = true;
      ending.abort();
      api.close();
    },
  };
}

function hang(): Promise<never> {
  return new Promise(() => undefined);
}

function becomes(what: string, condition: () => boolean, limit = 10_000): Promise<unknown> {
  return waitFor(() => Promise.resolve(condition()), { what, until: (is) => is, limit });
}

test('of many candidates one leads, and the next as soon as it gives up', async (context) => {
  await using server = await startTestApiServer();
  const all = ['a', 'b', 'c'].map((name) => candidate(context, server, name, { timing: patient }));
  await becomes('a leader', () => all.some(({ leads }) => leads()));
  const first = all.find(({ leads }) => leads());
  assert.equal(all.filter(({ leads }) => leads()).length, 1);
  await first?.stop();
  await becomes('the next leader', () => all.some(({ leads }) => leads()));
  assert.equal(all.filter(({ leads }) => leads()).length, 1);
  assert.equal(server.get(`${path}/berth-agent`)?.metadata.labels?.app, 'test');
  for (const one of all) if (one !== first) await one.stop();
});

test('a Lease that nobody renews is taken when it has ended, and not before', async (context) => {
  await using server = await startTestApiServer();
  const first = candidate(context, server, 'a');
  await becomes('the first to lead', first.leads);
  first.kill();
  const begun = performance.now();
  const second = candidate(context, server, 'b');
  await becomes('the second to lead', second.leads);
  assert.ok(performance.now() - begun >= 900);
  await second.stop();
});

test('a holder that is known to be gone is not waited for', async (context) => {
  await using server = await startTestApiServer();
  const first = candidate(context, server, 'a', { timing: patient });
  await becomes('the first to lead', first.leads);
  first.kill();
  const isGone = (holder: string) => holder === 'a';
  const second = candidate(context, server, 'b', { timing: patient, isGone });
  await becomes('the second to lead', second.leads);
  await second.stop();
});

test('a container that starts again in its pod goes on leading', async (context) => {
  await using server = await startTestApiServer();
  const first = candidate(context, server, 'a', { timing: patient });
  await becomes('the first to lead', first.leads);
  first.kill();
  const again = candidate(context, server, 'a', { timing: patient });
  await becomes('it to lead again', again.leads);
  await again.stop();
});

test('a leader that cannot renew stops before another begins', async (context) => {
  await using server = await startTestApiServer();
  const first = candidate(context, server, 'a');
  await becomes('the first to lead', first.leads);
  const second = candidate(context, server, 'b');
  server.fault = (request) => {
    if (request.headers.authorization !== 'Bearer a') return undefined;
    request.socket.destroy();
    return true;
  };
  let together = false;
  await becomes('the second to lead', () => {
    together ||= first.leads() && second.leads();
    return second.leads();
  });
  assert.equal(together, false);
  server.fault = undefined;
  await second.stop();
  await becomes('the first to lead again', first.leads);
  assert.equal(first.terms(), 2);
  await first.stop();
});

test('a leader whose Lease another wrote stops', async (context) => {
  await using server = await startTestApiServer();
  const first = candidate(context, server, 'a');
  await becomes('the first to lead', first.leads);
  const taken = server.get(`${path}/berth-agent`);
  assert.ok(taken);
  const spec = { ...(taken.spec as object), holderIdentity: 'somebody' };
  server.put(path, { ...taken, spec });
  await becomes('it to stop', () => !first.leads());
  await first.stop();
});
