import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { memoryOptions } from '#kubernetes/agent-image.ts';
import { startTestApiServer } from '#kubernetes/testing/api-server.ts';
import { largeNodes, manyNamespaces } from '#kubernetes/testing/large-cluster.ts';
import type { Held } from './testing/watching-process.ts';

const nodes = 5_000;
const namespaces = 10_000;
const mebibyte = 1024 * 1024;

test('an agent holds 5,000 nodes and 10,000 namespaces in a fraction of the memory it may take', async () => {
  await using server = await startTestApiServer();
  for (const node of largeNodes(nodes)) server.put('/api/v1/nodes', node);
  for (const namespace of manyNamespaces(namespaces)) server.put('/api/v1/namespaces', namespace);
  let longest = 0;
  server.fault = (_request, response) => {
    const end = response.end.bind(response);
    response.end = ((body: string) => {
      longest = Math.max(longest, body.length);
      return end(body);
    }) as typeof response.end;
    return undefined;
  };
  const process = fork(new URL('./testing/watching-process.ts', import.meta.url), {
    execArgv: ['--expose-gc', ...memoryOptions],
  });
  const ended = once(process, 'close');
  process.send(server.connection);
  const [held] = (await Promise.race([
    once(process, 'message'),
    ended.then(() => assert.fail('The process ended too early.')),
  ])) as [Held];
  await ended;
  assert.equal(held.nodes, nodes);
  assert.equal(held.namespaces, namespaces);
  // 7 MiB; 90 MiB with the images of each node by themselves.
  assert.ok(held.grown < 20 * mebibyte, `grown by ${held.grown} bytes`);
  // Its pod may take 256 MiB.
  assert.ok(held.mostResident < 200 * mebibyte, `${held.mostResident} bytes resident`);
  // 32 MiB are taken.
  assert.ok(longest < 4 * mebibyte, `an answer of ${longest} bytes`);
});
