import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRestApplication } from '#server/http/rest/index.ts';
import { addSystemRoutes, type HealthCheck } from './index.ts';

async function start(checks: readonly HealthCheck[] = []) {
  const application = await createRestApplication({
    authenticate: () => ({ principal: { kind: 'user', id: 1, name: 'alice' } }),
    loadGrants: (principal) => ({ principal, systemAdmin: false, projects: new Map() }),
    reportFailure: ({ error }) => {
      throw error;
    },
    version: '1.2.3',
  });
  addSystemRoutes(application, {
    version: '1.2.3',
    publicUrl: 'https://registry.example.com:8443',
    checks,
  });
  return application;
}

describe('what anybody may ask the system', () => {
  test('is the version of the API, and whether it answers', async () => {
    const application = await start();
    assert.deepEqual((await application.inject('/api/version')).json(), { version: 'v2.0' });
    const ping = await application.inject('/api/v2.0/ping');
    assert.equal(ping.body, 'Pong');
    assert.match(String(ping.headers['content-type']), /^text\/plain/);
  });

  test('is how to sign in, and no more of its state', async () => {
    const application = await start();
    assert.deepEqual((await application.inject('/api/v2.0/systeminfo')).json(), {
      auth_mode: 'db_auth',
      primary_auth_mode: false,
      self_registration: false,
      banner_message: '',
      oidc_provider_name: '',
    });
    const headers = { authorization: 'Basic alice' };
    const known = (await application.inject({ url: '/api/v2.0/systeminfo', headers })).json();
    assert.equal(known.registry_url, 'registry.example.com:8443');
    assert.equal(known.berth_version, '1.2.3');
  });

  test('is whether each part works, without its error', async () => {
    const works = { name: 'database', check: async () => 1 };
    const broken = { name: 'blobs', check: () => Promise.reject(new Error('secret path')) };
    const healthy = await (await start([works])).inject('/api/v2.0/health');
    assert.deepEqual(healthy.json(), {
      status: 'healthy',
      components: [{ name: 'database', status: 'healthy' }],
    });
    const unhealthy = await (await start([works, broken])).inject('/api/v2.0/health');
    assert.equal(unhealthy.statusCode, 200);
    assert.equal(unhealthy.json().status, 'unhealthy');
    assert.deepEqual(unhealthy.json().components.at(1), { name: 'blobs', status: 'unhealthy' });
    assert.ok(!unhealthy.body.includes('secret'));
  });

  test('gives up waiting for a part that hangs', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    let begun = () => {};
    const asked = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const hanging = {
      name: 'blobs',
      check: () => {
        begun();
        return new Promise<void>(() => {});
      },
    };
    const application = await start([hanging]);
    const reply = application.inject('/api/v2.0/health').then((answer) => answer.json());
    await asked;
    context.mock.timers.tick(5_000);
    assert.equal((await reply).status, 'unhealthy');
  });
});
