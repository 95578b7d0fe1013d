import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type SignedIn, signIn } from './testing/command-line.ts';

let admin: SignedIn;
before(async () => {
  admin = await signIn();
});
after(() => admin[Symbol.asyncDispose]());

describe('berth garbage-collection', () => {
  test('says what would go and what went, and keeps a history', async () => {
    const none = await admin.berth(['garbage-collection', 'status']);
    assert.equal(none.stdout, 'Nothing was collected yet.\n');
    const rehearsed = await admin.berth(['garbage-collection', 'run', '--dry-run']);
    assert.equal(
      rehearsed.stdout,
      'Would free 0 B: 0 blobs, 0 manifests. Nothing was changed.\n',
      rehearsed.stderr,
    );
    const run = await admin.berth(['garbage-collection', 'run', '--json']);
    const { id, state, report } = run.json();
    assert.deepEqual([state, report.dry_run, report.grace_seconds], ['succeeded', false, 86_400]);
    const history = await admin.berth(['garbage-collection', 'history', '--json']);
    assert.equal(history.json()[0].id, id);
    const status = await admin.berth(['garbage-collection', 'status', String(id)]);
    assert.equal(status.stdout, 'Freed 0 B: 0 blobs, 0 manifests.\n');
    const stop = await admin.berth(['garbage-collection', 'stop', String(id)]);
    assert.equal(stop.code, 1);
    assert.match(stop.stderr, /has ended already/);
  });

  test('begins by itself when it is told to, and only then', async () => {
    const shown = await admin.berth(['garbage-collection', 'schedule']);
    assert.match(
      shown.stdout,
      /^Collections begin at 0 0 3 \* \* \* \(UTC\), next at .* stay\.\n$/,
    );
    const weekly = ['garbage-collection', 'schedule', '--cron', '0 0 4 * * 0', '--delete-untagged'];
    assert.match((await admin.berth(weekly)).stdout, /0 0 4 \* \* 0 .* go too\.\n$/);
    const off = await admin.berth(['garbage-collection', 'schedule', '--off']);
    assert.equal(off.stdout, 'No collection begins by itself.\n');
    const wrong = await admin.berth(['garbage-collection', 'schedule', '--cron', 'often']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /six fields: second minute hour day month weekday/);
    const alone = await admin.berth(['garbage-collection', 'schedule', '--delete-untagged']);
    assert.match(alone.stderr, /give --cron too/);
  });
});
