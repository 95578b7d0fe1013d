import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { blobOf } from './testing/content.suite.ts';
import {
  expectRefusal,
  expectStatus,
  onEveryDatabase,
  type TestRegistry,
} from './testing/registry.suite.ts';
import { openWire, type Wire } from './testing/wire.suite.ts';

async function until(condition: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < limit, 'the condition was not met in time');
    await pause(10);
  }
}

/** Begins a PATCH whose body goes on. */
async function patching(registry: TestRegistry, upload: string, begin: Uint8Array): Promise<Wire> {
  const wire = await openWire(registry.server);
  wire.send(`${wire.head('PATCH', upload, ['Transfer-Encoding: chunked'])}\r\n`);
  wire.sendChunk(begin);
  return wire;
}

/** Whether a request holds the upload. */
async function isBusy(registry: TestRegistry, upload: string): Promise<boolean> {
  const { read } = await registry.database();
  const id = upload.split('/').at(-1) ?? '';
  const row = await read
    .selectFrom('uploads')
    .select('lease_until')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.lease_until > 0;
}

onEveryDatabase('an upload that is interrupted', (registry) => {
  test('keeps what arrived, says how much, and goes on from there', async () => {
    const repository = registry.repository();
    const blob = blobOf(400_000);
    const upload = await registry.beginUpload(repository);
    const wire = await patching(registry, upload, blob.bytes.subarray(0, 150_000));
    await until(() => isBusy(registry, upload));
    wire.cut();
    await until(async () => !(await isBusy(registry, upload)));
    const status = await registry.call(upload);
    expectStatus(status, 204);
    const received = Number(/^0-(\d+)$/.exec(status.headers.range ?? '')?.[1]) + 1;
    assert.ok(received > 1 && received <= 150_000, String(received));
    const rest = blob.bytes.subarray(received);
    const resumed = await registry.call(upload, {
      method: 'PATCH',
      headers: { 'content-range': `${received}-${blob.size - 1}` },
      body: rest,
    });
    expectStatus(resumed, 202);
    expectStatus(await registry.call(`${upload}?digest=${blob.digest}`, { method: 'PUT' }), 201);
    const read = await registry.call(`/v2/${repository}/blobs/${blob.digest}`);
    assert.ok(read.body.equals(blob.bytes));
  });

  test('in the middle of its only POST leaves nothing', async () => {
    const repository = registry.repository();
    const blob = blobOf(100_000);
    const { read } = await registry.database();
    const uploads = async () => {
      const rows = await read
        .selectFrom('uploads')
        .select('id')
        .where('repository', '=', repository)
        .execute();
      return rows.length;
    };
    using wire = await openWire(registry.server);
    const target = `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`;
    wire.send(`${wire.head('POST', target, [`Content-Length: ${blob.size}`])}\r\n`);
    wire.send(blob.bytes.subarray(0, 50_000));
    await until(async () => (await uploads()) === 1);
    wire.cut();
    await until(async () => (await uploads()) === 0);
    expectStatus(await registry.call(`/v2/${repository}/blobs/${blob.digest}`), 404);
  });

  test('is written to by one request at a time', async () => {
    const repository = registry.repository();
    const blob = blobOf(1_000);
    const upload = await registry.beginUpload(repository);
    using wire = await patching(registry, upload, blob.bytes.subarray(0, 500));
    await until(() => isBusy(registry, upload));
    for (const method of ['PATCH', 'DELETE', 'PUT']) {
      const path = method === 'PUT' ? `${upload}?digest=${blob.digest}` : upload;
      const second = await registry.call(path, { method, body: blob.bytes });
      const sentence = expectRefusal(second, 409, 'BLOB_UPLOAD_INVALID');
      assert.match(sentence, /Another request is writing.*wait for it to end/);
    }
    wire.sendChunk(blob.bytes.subarray(500));
    wire.send('0\r\n\r\n');
    const first = await wire.receive();
    assert.equal(first.status, 202);
    assert.equal(first.headers.get('range'), '0-999');
    expectStatus(await registry.call(`${upload}?digest=${blob.digest}`, { method: 'PUT' }), 201);
  });

  test('of two requests that begin together takes one, and stays whole', async () => {
    const repository = registry.repository();
    const blob = blobOf(200_000);
    const upload = await registry.beginUpload(repository);
    const patch = () =>
      registry.call(upload, {
        method: 'PATCH',
        headers: { 'content-range': `0-${blob.size - 1}` },
        body: blob.bytes,
      });
    const statuses = (await Promise.all([patch(), patch(), patch(), patch()])).map(
      ({ status }) => status,
    );
    assert.equal(statuses.filter((status) => status === 202).length, 1, String(statuses));
    for (const status of statuses) assert.ok([202, 409, 416].includes(status), String(statuses));
    expectStatus(await registry.call(`${upload}?digest=${blob.digest}`, { method: 'PUT' }), 201);
  });

  test('by a client that waits for leave to send goes on, or is refused before it sends', async () => {
    const repository = registry.repository();
    const blob = blobOf(1_000);
    const expecting = [`Content-Length: ${blob.size}`, 'Expect: 100-continue'];
    using allowed = await openWire(registry.server);
    const target = `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`;
    allowed.send(`${allowed.head('POST', target, expecting)}\r\n`);
    assert.equal((await allowed.receive()).status, 100);
    allowed.send(blob.bytes);
    assert.equal((await allowed.receive()).status, 201);

    using refused = await openWire(registry.server);
    const bad = `/v2/${repository}/blobs/uploads/?digest=bad`;
    refused.send(`${refused.head('POST', bad, expecting)}\r\n`);
    const reply = await refused.receive();
    assert.equal(reply.status, 400);
    assert.equal(reply.headers.get('connection'), 'close');
    await refused.closed();
  });
});
