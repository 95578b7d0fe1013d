import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import { waitFor } from '#test/processes.ts';
import { createServingCertificate } from './certificate.ts';
import { createWebhookServer, type WebhookServer } from './server.ts';

const hour = 3_600_000;
const mebibyte = 1024 * 1024;

describe('the webhook, asked by any pod of the cluster,', () => {
  const [name] = ['berth-agent.berth.svc'];
  const serving = createServingCertificate({
    names: [name],
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + hour),
  });
  // Nothing listens there.
  const api = createKubernetesApi({ server: 'https://127.0.0.1:1', authority: '' });
  let server: WebhookServer;
  let port: number;
  before(async () => {
    server = createWebhookServer({ api, serving, report: () => {}, port: 0 });
    port = await server.listening;
  });
  after(() => {
    server.close();
    api.close();
  });

  function open(headers: Readonly<Record<string, string>> = {}) {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: '/pods',
      method: 'POST',
      ca: serving.certificate,
      servername: name,
      agent: false,
      headers,
    });
    const status = once(outgoing, 'response').then(
      ([response]) => {
        response.resume();
        return response.statusCode as number;
      },
      () => undefined,
    );
    outgoing.on('error', () => {});
    return { outgoing, status };
  }

  async function ask(body: string, headers?: Readonly<Record<string, string>>) {
    const { outgoing, status } = open(headers);
    outgoing.end(body);
    return status;
  }

  const question = JSON.stringify({
    request: { uid: 'u', namespace: 'shop', object: { spec: {} } },
  });

  const nonsense: Readonly<Record<string, string>> = {
    nothing: '',
    'no JSON': '{"request":',
    'JSON that is no review': '[1]',
    'a review of no pod': '{"request":{"uid":"u","namespace":"n","object":{}}}',
    'numbers where texts belong': '{"request":{"uid":1,"namespace":2,"object":{"spec":{}}}}',
    'lists below each other': `${'['.repeat(500_000)}${']'.repeat(500_000)}`,
    'more lists than any pod has': `[${'[],'.repeat(200_000)}[]]`,
    'secrets that are no list':
      '{"request":{"uid":"u","namespace":"n","object":{"spec":{"imagePullSecrets":"x"}}}}',
    'more than a pod can be': `{"x":"${'x'.repeat(5 * mebibyte)}"}`,
  };
  for (const [what, body] of Object.entries(nonsense)) {
    test(`refuses ${what}, and goes on`, async () => {
      assert.ok([400, undefined].includes(await ask(body)));
      assert.equal(await ask(question), 200);
    });
  }

  test('answers whatever type a question says to be of', async () => {
    assert.equal(await ask(question, { 'content-type': 'text/html' }), 200);
  });

  test('holds no more of all questions than it has room for, and goes on when they end', async () => {
    const held = Array.from({ length: 10 }, () => open());
    for (const { outgoing } of held) {
      outgoing.write(`{"x":"${'x'.repeat(3 * mebibyte)}`);
    }
    const refused = await Promise.race(held.map(({ status }) => status));
    assert.equal(refused, 400);
    for (const { outgoing } of held) outgoing.destroy();
    await waitFor(() => ask(question), {
      what: 'a question to be answered again',
      until: (status) => status === 200,
    });
  });

  test('asks the API server about a few pods at a time', async () => {
    const body = JSON.stringify({
      request: {
        uid: 'u',
        namespace: 'shop',
        object: { spec: { imagePullSecrets: [{ name: 'other' }] } },
      },
    });
    const statuses = await Promise.all(Array.from({ length: 100 }, () => ask(body)));
    assert.deepEqual(new Set(statuses), new Set([200]));
  });
});
