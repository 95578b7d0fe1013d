import assert from 'node:assert/strict';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import { createServingCertificate, type ServingCertificate } from './certificate.ts';
import { createWebhookServer, type WebhookServer } from './server.ts';
import { isServed } from './serving.ts';

const hour = 3_600_000;

function certificate(): ServingCertificate {
  return createServingCertificate({
    names: ['berth-agent.berth.svc'],
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + hour),
  });
}

function question(...pullSecrets: string[]): string {
  const imagePullSecrets = pullSecrets.map((name) => ({ name }));
  const object = { spec: { serviceAccountName: 'default', imagePullSecrets } };
  return JSON.stringify({ request: { uid: 'u', namespace: 'shop', object } });
}

describe('the webhook', () => {
  const first = certificate();
  const reports: unknown[] = [];
  // Nothing listens there.
  const api = createKubernetesApi({ server: 'https://127.0.0.1:1', authority: '' });
  let server: WebhookServer;
  let port: number;
  before(async () => {
    const report = (error: unknown) => void reports.push(error);
    server = createWebhookServer({ api, serving: first, report, port: 0 });
    port = await server.listening;
  });
  after(() => {
    server.close();
    api.close();
  });

  async function ask(
    body: string,
    { path = '/pods', ca = first.certificate, method = 'POST' } = {},
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, string]>();
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca,
        servername: 'berth-agent.berth.svc',
        agent: false,
      },
      async (response) => resolve([response.statusCode, await text(response)]),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
    return await promise;
  }

  test('adds the reference to a pod that names no pull secrets', async () => {
    const [status, body] = await ask(question());
    assert.equal(status, 200);
    assert.match(body, /"uid":"u","allowed":true,"patchType":"JSONPatch"/);
  });

  test('allows a pod as it is when the API server cannot be asked', async () => {
    const [status, body] = await ask(question('theirs'));
    assert.equal(status, 200);
    assert.match(body, /"allowed":true}}$/);
    assert.equal(reports.length, 1);
  });

  test('refuses what is no question, and goes on answering', async () => {
    for (const body of ['', 'x', '[]', 'null', '{"request":{}}', `"${'x'.repeat(100_000)}"`]) {
      assert.equal((await ask(body))[0], 400);
    }
    assert.equal((await ask(question(), { path: '/other' }))[0], 400);
    assert.equal((await ask('', { method: 'GET' }))[0], 400);
    assert.equal((await ask(question()))[0], 200);
  });

  test('is seen to serve with its certificate, and with no other', async () => {
    assert.ok(await isServed(first.certificate, port));
    assert.ok(!(await isServed(certificate().certificate, port)));
    assert.ok(!(await isServed(first.certificate, 1)));
  });

  test('serves another certificate from the next connection on', async () => {
    const second = certificate();
    server.use(second);
    assert.equal((await ask(question(), { ca: second.certificate }))[0], 200);
    await assert.rejects(ask(question()), /self-signed|unable to verify/);
  });
});
