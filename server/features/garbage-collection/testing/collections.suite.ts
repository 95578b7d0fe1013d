import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type {
  Collection,
  CollectionOrder,
  CollectionReport,
} from '#contract/garbage-collection.ts';
import { expectStatus, type TestRegistry } from '../../registry/testing/registry.suite.ts';

export const collections = '/api/v2.0/system/gc';
const waitMilliseconds = 60_000;

/** Sends `body` as the admin. */
export function order(registry: TestRegistry, method: 'POST' | 'PUT', body: CollectionOrder) {
  return registry.call(`${collections}/schedule`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

export async function begin(
  registry: TestRegistry,
  parameters: NonNullable<CollectionOrder['parameters']> = {},
): Promise<number> {
  const reply = await order(registry, 'POST', { schedule: { type: 'Manual' }, parameters });
  expectStatus(reply, 201);
  return (reply.json() as Collection).id;
}

async function look(registry: TestRegistry, id: number): Promise<Collection> {
  const reply = await registry.call(`${collections}/${id}`);
  expectStatus(reply, 200);
  return reply.json() as Collection;
}

export async function waitUntil(
  registry: TestRegistry,
  id: number,
  met: (collection: Collection) => boolean,
): Promise<Collection> {
  for (let waited = 0; waited < waitMilliseconds; waited += 20) {
    const collection = await look(registry, id);
    if (met(collection)) return collection;
    await pause(20);
  }
  return assert.fail(`collection ${id} did not come so far in ${waitMilliseconds / 1000} s`);
}

/** Collects, and tells what went. */
export async function collectNow(
  registry: TestRegistry,
  parameters: NonNullable<CollectionOrder['parameters']> = {},
): Promise<CollectionReport> {
  const id = await begin(registry, parameters);
  const ended = await waitUntil(registry, id, ({ end_time }) => end_time !== undefined);
  assert.equal(ended.state, 'succeeded', ended.problem ?? 'it did not succeed');
  assert(ended.report !== undefined, 'it tells what it took');
  return ended.report;
}
