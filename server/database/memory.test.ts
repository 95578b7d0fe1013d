import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemory } from './memory.ts';

test('a query is asked once for the same arguments, until the memory forgets', () => {
  const asked: unknown[][] = [];
  const memory = createMemory();
  const query = memory.remembering<[string, ...number[]], { value: number }>((callArguments) => {
    asked.push([...callArguments]);
    return callArguments[0] === 'absent' ? undefined : { value: asked.length };
  });
  assert.deepEqual(query('a', 1), { value: 1 });
  assert.deepEqual(query('a', 1), { value: 1 });
  assert.equal(query('absent'), undefined);
  assert.equal(query('absent'), undefined);
  assert.deepEqual(asked, [['a', 1], ['absent']]);
  memory.forget();
  assert.deepEqual(query('a', 1), { value: 3 });
});

test('those who ask while an answer is under way share it, and a failure is not remembered', async () => {
  const memory = createMemory();
  let asked = 0;
  const query = memory.remembering<[string], { asked: number }>(async () => {
    asked += 1;
    if (asked === 1) throw new Error('gone');
    return { asked };
  });
  const both = [query('a'), query('a')];
  for (const answer of both) await assert.rejects(async () => answer, /gone/);
  assert.deepEqual(await Promise.all([query('a'), query('a')]), [{ asked: 2 }, { asked: 2 }]);
  assert.deepEqual(query('a'), { asked: 2 });
});

test('an answer that comes after the memory forgot does not enter it', async () => {
  const memory = createMemory();
  const answers: PromiseWithResolvers<{ value: string }>[] = [];
  const query = memory.remembering<[string], { value: string }>(() => {
    const answer = Promise.withResolvers<{ value: string }>();
    answers.push(answer);
    return answer.promise;
  });
  const before = query('a');
  memory.forget();
  const after = query('a');
  answers[1]?.resolve({ value: 'new' });
  await after;
  answers[0]?.resolve({ value: 'old' });
  assert.deepEqual(await before, { value: 'old' });
  assert.deepEqual(query('a'), { value: 'new' });

  const late = query('b');
  memory.forget();
  answers[2]?.reject(new Error('gone'));
  await assert.rejects(async () => late, /gone/);
  query('b');
  assert.equal(answers.length, 4);
});

test('a query keeps no more answers than it may', () => {
  const memory = createMemory(10);
  let asked = 0;
  const query = memory.remembering<[number], { asked: number }>(() => {
    asked += 1;
    return { asked };
  });
  const numbers = Array.from({ length: 1000 }, (_, number) => number);
  for (const number of numbers) query(number);
  asked = 0;
  for (const number of numbers.toReversed()) query(number);
  assert(asked >= 990, `only ${asked} of 1000 were asked again`);
});
