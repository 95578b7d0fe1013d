import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { waitFor } from '#test/processes.ts';
import { createCredentials } from './credentials.ts';

const shop = { name: 'shop', uid: 'u', labels: {} };

function setUp() {
  const placed: string[] = [];
  const unknown: string[] = [];
  let generation = 0;
  let refusal: Refusal | undefined;
  const credentials = createCredentials({
    server: {
      'credentials.issue': async ({ namespace }) => {
        generation += 1;
        return { generation, username: `of-${namespace.name}`, secret: 's', renewAt: 1 };
      },
      'credentials.placed': async ({ namespace, generation: number }) => {
        if (refusal !== undefined) throw refusal;
        placed.push(`${namespace} ${number}`);
        return {};
      },
    },
    unknown: (namespace, number) => unknown.push(`${namespace} ${number}`),
  });
  const refuse = (by?: Refusal) => {
    refusal = by;
  };
  return { credentials, placed, unknown, refuse };
}

test('nothing is issued twice while what was issued is in no Secret yet', async () => {
  const { credentials } = setUp();
  assert.equal((await credentials.issue(shop)).generation, 1);
  assert.equal((await credentials.issue(shop)).generation, 1);
  assert.equal((await credentials.issue({ ...shop, uid: 'another' })).generation, 2);
  credentials.placed('shop', 2);
  assert.equal((await credentials.issue(shop)).generation, 3);
  credentials.close();
});

test('what could not be said while the server was away is said when it is back', async () => {
  const { credentials, placed, refuse } = setUp();
  refuse(new Refusal('unavailable', 'away'));
  credentials.placed('shop', 7);
  await new Promise((resolve) => setImmediate(resolve));
  refuse(undefined);
  credentials.connected();
  await waitFor(async () => placed, { what: 'it to be said', until: (said) => said.length > 0 });
  assert.deepEqual(placed, ['shop 7']);
  credentials.close();
});

test('a credential that the server does not know is told to be replaced', async () => {
  const { credentials, unknown, refuse } = setUp();
  refuse(new Refusal('not-found', 'no such generation'));
  credentials.placed('shop', 7);
  await waitFor(async () => unknown, { what: 'it', until: (said) => said.length > 0 });
  assert.deepEqual(unknown, ['shop 7']);
  credentials.close();
});
