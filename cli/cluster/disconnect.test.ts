import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asking, type SignedIn } from '../testing/command-line.ts';
import { connectedCluster, signInForClusters } from '../testing/connected-cluster.ts';

let admin: SignedIn;
before(async () => {
  admin = await signInForClusters();
});
after(() => admin[Symbol.asyncDispose]());

const { refused } = asking(() => admin);

test('a cluster is disconnected after a question, and what is left is told', async () => {
  await connectedCluster(admin, 'prod');
  await refused(/with --yes/, 2, 'cluster', 'disconnect', 'prod');
  const { code, stdout, stderr } = await admin.berth(['cluster', 'disconnect', 'prod', '--yes']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Disconnected prod\.\nWhat is left in it:\n {2}The node b was away/);
  await refused(/prod/, 1, 'cluster', 'status', 'prod');
  await refused(/prod/, 1, 'cluster', 'disconnect', 'prod', '--yes');
});

test('a cluster whose agent is away is forgotten by force alone', async () => {
  const agent = await connectedCluster(admin, 'gone');
  await agent.leave();
  await refused(/--force/, 1, 'cluster', 'disconnect', 'gone', '--yes');
  const { code, stdout, stderr } = await admin.berth([
    ...['cluster', 'disconnect', 'gone', '--force', '--yes'],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /What is left in it:\n {2}.*kubectl delete namespace berth/);
});
