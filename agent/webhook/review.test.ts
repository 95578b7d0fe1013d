import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PodReview, readPodReview, reviewAnswer, wantsReference } from './review.ts';

function review(...pullSecrets: string[]): PodReview {
  return { uid: 'u', namespace: 'shop', serviceAccount: 'default', pullSecrets };
}

async function unasked(): Promise<never> {
  throw new Error('asked');
}

test('a pod that names no pull secrets gets the reference, without a question', async () => {
  assert.ok(await wantsReference(review(), unasked));
});

test('a pod that has the reference is left as it is, without a question', async () => {
  assert.ok(!(await wantsReference(review('theirs', 'berth-pull'), unasked)));
});

test('a list that was copied from the ServiceAccount is added to, one of its own is not', async () => {
  const cases: readonly (readonly [string[] | undefined, boolean])[] = [
    [['theirs'], true],
    [['theirs', 'berth-pull'], true],
    [['theirs', 'more'], false],
    [[], false],
    [undefined, false],
  ];
  for (const [list, expected] of cases) {
    assert.equal(await wantsReference(review('theirs'), async () => list), expected);
  }
});

test('the answer patches the list, and makes one where there is none', () => {
  const patchOf = (answer: object) => {
    const { response } = answer as { response: { patch?: string; allowed: boolean; uid: string } };
    assert.equal(response.allowed, true);
    assert.equal(response.uid, 'u');
    return response.patch === undefined
      ? undefined
      : JSON.parse(Buffer.from(response.patch, 'base64').toString());
  };
  const value = { name: 'berth-pull' };
  assert.deepEqual(patchOf(reviewAnswer(review(), true)), [
    { op: 'add', path: '/spec/imagePullSecrets', value: [value] },
  ]);
  assert.deepEqual(patchOf(reviewAnswer(review('theirs'), true)), [
    { op: 'add', path: '/spec/imagePullSecrets/-', value },
  ]);
  assert.equal(patchOf(reviewAnswer(review(), false)), undefined);
});

test('a question is read, and whatever is none is refused without an exception', () => {
  const spec = { serviceAccountName: 'app', imagePullSecrets: [{ name: 'theirs' }] };
  assert.deepEqual(readPodReview({ request: { uid: 'u', namespace: 'shop', object: { spec } } }), {
    uid: 'u',
    namespace: 'shop',
    serviceAccount: 'app',
    pullSecrets: ['theirs'],
  });
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (object, request) => {
      readPodReview(request);
      readPodReview({ request });
      const read = readPodReview({ request: { uid: 'u', namespace: 'n', object } });
      assert.ok(read === undefined || read.pullSecrets.every((name) => typeof name === 'string'));
    }),
  );
});
