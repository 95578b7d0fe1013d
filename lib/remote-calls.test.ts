import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from './errors.ts';
import { type Answer, createRemoteCalls, type RemoteCalls } from './remote-calls.ts';

/** Two sides that hand each other their messages. */
function pair(answers: Readonly<Record<string, Answer>>, more: { mostUnderWay?: number } = {}) {
  const reported: string[] = [];
  const report = (method: string) => void reported.push(method);
  const far: RemoteCalls = createRemoteCalls({
    send: (text) => near.receive(text),
    answers,
    report,
    ...more,
  });
  const near: RemoteCalls = createRemoteCalls({
    send: (text) => far.receive(text),
    answers: {},
    report,
    timeoutMilliseconds: 50,
  });
  return { near, far, reported };
}

test('a call is answered with what the other side returns', async () => {
  const { near } = pair({ double: async (value) => (value as number) * 2 });
  assert.deepEqual(await Promise.all([near.call('double', 2), near.call('double', 5)]), [4, 10]);
});

test('a refusal reaches the caller as it was, any other failure as a sentence', async () => {
  const { near, reported } = pair({
    refuse: async () => {
      throw new Refusal('denied', 'Nothing is granted to web.');
    },
    fail: async () => {
      throw new Error('secret');
    },
  });
  const refused = await near.call('refuse', {}).catch((error: unknown) => error);
  assert.ok(refused instanceof Refusal);
  assert.deepEqual([refused.kind, refused.message], ['denied', 'Nothing is granted to web.']);
  await assert.rejects(near.call('fail', {}), { kind: 'unavailable', message: /^fail failed/ });
  await assert.rejects(near.call('toString', {}), { kind: 'not-found' });
  assert.deepEqual(reported, ['fail']);
});

test('what is never answered ends by itself, or with the connection', async () => {
  const { near } = pair({ wait: () => new Promise(() => {}) });
  await assert.rejects(near.call('wait', {}), { kind: 'unavailable', message: /in time/ });
  const cut = near.call('wait', {});
  near.close('The connection was cut.');
  await assert.rejects(cut, { message: 'The connection was cut.' });
  await assert.rejects(near.call('wait', {}), { message: 'The connection was cut.' });
});

test('nonsense and floods are objected to', async () => {
  const { near, far } = pair({ wait: () => new Promise(() => {}) }, { mostUnderWay: 2 });
  for (const text of [
    '',
    'null',
    '[]',
    '{"id":"1"}',
    '{"id":1,"method":7}',
    '{"id":1,"error":3}',
  ]) {
    assert.throws(() => far.receive(text), { kind: 'invalid' }, text);
  }
  assert.doesNotThrow(() => far.receive('{"id":99,"result":1}'));
  near.call('wait', {}).catch(() => {});
  near.call('wait', {}).catch(() => {});
  assert.throws(() => far.receive('{"id":3,"method":"wait"}'), { kind: 'too-many-requests' });
});

test('more calls than may be unanswered wait for their turn, and end with the connection', async () => {
  const waiting: (() => void)[] = [];
  const { near } = pair(
    {
      wait: () =>
        new Promise((resolve) => {
          waiting.push(() => resolve({}));
        }),
    },
    { mostUnderWay: 128 },
  );
  const calls = Array.from({ length: 300 }, () => near.call('wait', {}));
  assert.equal(waiting.length, 128);
  for (const answer of waiting.splice(0)) answer();
  await Promise.all(calls.slice(0, 128));
  assert.equal(waiting.length, 128);
  near.close('The connection was cut.');
  const rest = await Promise.allSettled(calls.slice(128));
  assert.ok(rest.every(({ status }) => status === 'rejected'));
});

test('more calls than may wait for their turn are refused at once', async () => {
  const calls = createRemoteCalls({
    send: () => {},
    answers: {},
    report: () => {},
    mostUnanswered: 2,
    mostQueued: 3,
  });
  const made = Array.from({ length: 6 }, () => calls.call('wait', {}));
  await assert.rejects(made[5] ?? Promise.resolve(), /3 calls wait already: ask again later/);
  calls.close('The connection was cut.');
  const ended = await Promise.allSettled(made.slice(0, 5));
  for (const outcome of ended) {
    assert.equal(outcome.status, 'rejected');
    assert.equal((outcome as PromiseRejectedResult).reason.message, 'The connection was cut.');
  }
});
