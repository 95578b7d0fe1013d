import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FolderSyncs } from './folder-syncs.ts';

/** Syncs that end when they are told to. */
function heldSyncs() {
  const begun: { folder: string; end(): void; fail(): void }[] = [];
  const syncs = new FolderSyncs((folder) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    begun.push({ folder, end: resolve, fail: () => reject(new Error('EIO')) });
    return promise;
  });
  return { begun, syncs };
}

describe('syncs of a folder', () => {
  test('are shared by those who ask before one begins, never joined once it runs', async () => {
    const { begun, syncs } = heldSyncs();
    const early = [syncs.sync('a'), syncs.sync('a')];
    await turn();
    assert.equal(begun.length, 1);

    let lateEnded = false;
    const late = [syncs.sync('a'), syncs.sync('a')];
    const lateDone = Promise.all(late).then(() => {
      lateEnded = true;
    });
    await turn();
    assert.equal(begun.length, 1, 'two syncs of one folder ran at once');
    begun[0]?.end();
    await Promise.all(early);
    await turn();
    assert.equal(lateEnded, false);
    assert.equal(begun.length, 2);
    begun[1]?.end();
    await lateDone;

    const last = syncs.sync('a');
    await turn();
    begun[2]?.end();
    await last;
    assert.equal(begun.length, 3);
  });

  test('of different folders do not wait for each other', async () => {
    const { begun, syncs } = heldSyncs();
    const both = [syncs.sync('a'), syncs.sync('b')];
    await turn();
    assert.deepEqual(
      begun.map(({ folder }) => folder),
      ['a', 'b'],
    );
    for (const { end } of begun) end();
    await Promise.all(both);
  });

  test('fail for those who shared them, and for nobody later', async () => {
    const { begun, syncs } = heldSyncs();
    const shared = [syncs.sync('a'), syncs.sync('a')].map((sync) => assert.rejects(sync, /EIO/));
    await turn();
    const later = syncs.sync('a');
    begun[0]?.fail();
    await Promise.all(shared);
    await turn();
    begun[1]?.end();
    await later;
  });
});
