import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AgentCalls } from '#contract/agent.ts';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import { Refusal } from '#lib/errors.ts';
import { waitFor } from '#test/processes.ts';
import { createLog } from '../log.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { type Connection, createConnection } from './connection.ts';
import { createRegistry } from './registry.ts';

interface Agent {
  readonly connection: Connection;
  readonly troubles: readonly (string | undefined)[];
  stop(): void;
}

interface AgentOptions {
  readonly answers?: Partial<AgentCalls>;
  readonly addresses?: readonly string[];
  /** PEM, instead of the server's. */
  readonly authorities?: string;
}

async function startAgent(
  context: TestContext,
  cluster: TestCluster,
  server: TestServer,
  { answers = {}, addresses = [], authorities = server.authority }: AgentOptions = {},
): Promise<Agent> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-agent-'));
  const file = join(folder, 'authorities.pem');
  await writeFile(file, authorities);
  const api = createKubernetesApi(cluster.connection);
  const ending = new AbortController();
  const troubles: (string | undefined)[] = [];
  const connection = createConnection({
    api,
    name: server.name,
    cluster: 'test',
    registry: createRegistry({ registry: server.name, addresses, authorities: file }),
    trouble: (problem) => troubles.push(problem),
    log: createLog(() => undefined),
    signal: ending.signal,
  });
  connection.open({ answers, opened: () => undefined });
  const stop = () => {
    ending.abort();
    api.close();
  };
  context.after(async () => {
    stop();
    await rm(folder, { recursive: true });
  });
  return { connection, troubles, stop };
}

function becomes(what: string, condition: () => boolean): Promise<unknown> {
  return waitFor(() => Promise.resolve(condition()), { what, until: (is) => is, limit: 15_000 });
}

test('a connect token becomes an identity, which is kept before it is used, and the token goes', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  await startAgent(context, cluster, server);
  await becomes('the connection', () => server.connections() === 1);
  assert.deepEqual(server.enrolments[0]?.body.proof, {
    uid: 'uid-of-cluster',
    issuer: 'https://issuer.test',
    keys: [{ kty: 'RSA', kid: 'first', n: 'n', e: 'AQAB' }],
    kubernetesVersion: 'v1.36.3',
    serviceAccountToken: 'proof-1',
  });
  assert.deepEqual(server.opened, [{ identity: 'identity-1', proof: 'proof-2' }]);
  assert.equal(cluster.secret('berth-agent-identity', 'secret'), 'identity-1');
  await becomes('the token to go', () => cluster.secret('berth-connect', 'token') === undefined);
});

test('an agent that could not keep its identity does not use it', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  const answer = cluster.fault;
  let refusing = true;
  cluster.fault = (request, response) => {
    if (!refusing || request.method !== 'PATCH') return answer?.(request, response);
    response.writeHead(500).end('{}');
    return true;
  };
  await startAgent(context, cluster, server);
  await becomes('the enrolment', () => server.enrolments.length === 1);
  server.tokens.add('once');
  await becomes('another try', () => server.enrolments.length === 2);
  assert.deepEqual(server.opened, []);
  server.tokens.add('once');
  refusing = false;
  await becomes('the connection', () => server.connections() === 1);
});

test('a connection that is cut is opened again by the identity that is kept, with another proof', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  await startAgent(context, cluster, server);
  await becomes('the connection', () => server.connections() === 1);
  server.cut();
  await becomes('the next connection', () => server.opened.length === 2);
  assert.equal(server.enrolments.length, 1);
  assert.equal(server.opened[1]?.identity, 'identity-1');
  assert.notEqual(server.opened[1]?.proof, server.opened[0]?.proof);
});

test('an identity that is refused stays refused until a connect token comes', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  const agent = await startAgent(context, cluster, server);
  await becomes('the connection', () => server.connections() === 1);
  server.identities.clear();
  server.cut();
  await becomes('the refusal', () => agent.troubles.includes('Not known.'));
  server.tokens.add('again');
  cluster.offer('again');
  await becomes('the next connection', () => server.connections() === 1);
  assert.equal(server.opened.at(-1)?.identity, 'identity-2');
  await becomes('the trouble to be over', () => agent.troubles.at(-1) === undefined);
});

test('a connect token that was used already is told of, and does no harm to what is connected', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  cluster.offer('used');
  const agent = await startAgent(context, cluster, server);
  await becomes('the refusal', () =>
    agent.troubles.includes('This connect token was used already.'),
  );
  server.tokens.add('good');
  cluster.offer('good');
  await becomes('the connection', () => server.connections() === 1);
  cluster.offer('used');
  await becomes('the next connection', () => server.opened.length === 2);
  assert.equal(server.opened[1]?.identity, 'identity-1');
});

test('an agent with neither token nor identity says which command helps', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  const agent = await startAgent(context, cluster, server);
  await becomes('the sentence', () => agent.troubles.length > 0);
  assert.match(agent.troubles[0] ?? '', /berth cluster connect test/);
});

test('a server that another authority signed gets neither token nor identity', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  await using other = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  const agent = await startAgent(context, cluster, server, { authorities: other.authority });
  await becomes('the sentence', () => agent.troubles.length > 0);
  assert.match(agent.troubles[0] ?? '', /signed by an authority that this cluster was not given/);
  assert.equal(server.tokens.has('once'), true);
});

test('addresses are tried in turn', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  const addresses = ['https://127.0.0.1:1', 'https://127.0.0.2:1'];
  const agent = await startAgent(context, cluster, server, { addresses });
  await becomes('the connection by the third', () => server.connections() === 1);
  assert.match(agent.troubles[0] ?? '', /^https:\/\/127\.0\.0\.1:1 cannot be reached/);
  assert.match(agent.troubles[1] ?? '', /^https:\/\/127\.0\.0\.2:1 cannot be reached/);
});

test('what the server asks is checked, and answered by its part', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  await startAgent(context, cluster, server, {
    answers: {
      'token.review': async ({ token }) => ({ authenticated: token === 'good' }),
      'pull.test': async () => {
        throw new Refusal('denied', 'Not now.');
      },
    },
  });
  await becomes('the connection', () => server.connections() === 1);
  const good = { token: 'good', audience: 'a' };
  assert.deepEqual(await server.call('token.review', good), { authenticated: true });
  const nonsense = { token: 7 } as unknown as { token: string; audience: string };
  await assert.rejects(server.call('token.review', nonsense), /not of its shape/);
  await assert.rejects(server.call('pull.test', {}), /Not now\./);
  await assert.rejects(server.call('cluster.remove', {}), /no method cluster\.remove/);
});

test('a server that speaks another language is left, and tried again', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  await startAgent(context, cluster, server);
  for (const [index, message] of ['no json', '{"id":"x"}', Buffer.from([1, 2])].entries()) {
    await becomes('the connection', () => server.opened.length === index + 1);
    await becomes('it to be open', () => server.connections() === 1);
    server.send(message);
    await becomes('the next', () => server.opened.length === index + 2);
  }
});

test('calls are refused while there is no connection, and what the server answers is checked', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer(({ method }) =>
    method === 'identity.renew' ? { nonsense: true } : {},
  );
  const agent = await startAgent(context, cluster, server);
  const call = () => agent.connection.server['identity.renew']({});
  await assert.rejects(call, (error) => error instanceof Refusal && error.kind === 'unavailable');
  server.tokens.add('once');
  cluster.offer('once');
  await becomes('the connection', () => agent.connection.isOpen());
  await assert.rejects(call, /not of its shape/);
});

test('an identity is renewed when it is a day old, kept, and used at once', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer(({ method }) => {
    if (method !== 'identity.renew') return {};
    server.identities.add('renewed');
    return { cluster: 'test', secret: 'renewed' };
  });
  server.identities.add('old');
  const data = {
    cluster: 'test',
    secret: 'old',
    registry: server.name,
    issued: new Date(Date.now() - 25 * 3_600_000).toISOString(),
  };
  cluster.put('/api/v1/namespaces/berth/secrets', {
    metadata: { name: 'berth-agent-identity', namespace: 'berth' },
    data: Object.fromEntries(
      Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
    ),
  });
  await startAgent(context, cluster, server);
  await becomes('the connection by the new one', () => server.opened.length === 2);
  assert.deepEqual(
    server.opened.map(({ identity }) => identity),
    ['old', 'renewed'],
  );
  assert.equal(cluster.secret('berth-agent-identity', 'secret'), 'renewed');
  const renewals = server.asked.filter(({ method }) => method === 'identity.renew');
  assert.equal(renewals.length, 1);
});

test('the keys of the cluster are proven by each agent that begins, and once', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  await startAgent(context, cluster, server);
  const proofs = () => server.asked.filter(({ method }) => method === 'cluster.prove');
  await becomes('the proof', () => proofs().length === 1);
  assert.match(JSON.stringify(proofs()), /"kid":"first"/);
  server.cut();
  await becomes('the next connection', () => server.opened.length === 2);
  assert.equal(proofs().length, 1);
  cluster.kid = 'second';
  server.cut();
  await becomes('the next proof', () => proofs().length === 2);
  assert.match(JSON.stringify(proofs()[1]), /"kid":"second"/);
});

test('an agent that ends says farewell', async (context) => {
  await using cluster = await startTestCluster();
  await using server = await startTestServer();
  server.tokens.add('once');
  cluster.offer('once');
  const agent = await startAgent(context, cluster, server);
  await becomes('the connection', () => server.connections() === 1);
  agent.stop();
  await becomes('the end', () => server.connections() === 0);
});
