import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRestApplication } from '#server/http/rest/index.ts';
import { addSystemRoutes, type ComponentHealth } from './index.ts';

async function start(components: readonly ComponentHealth[] = []) {
  const application = await createRestApplication({
    refresh: () => {},
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
    examine: async () => components,
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

  test('is whether each part works', async () => {
    const database = { name: 'database', status: 'healthy' as const };
    const blobs = { name: 'blobs', status: 'unhealthy' as const };
    const healthy = await (await start([database])).inject('/api/v2.0/health');
    assert.deepEqual(healthy.json(), { status: 'healthy', components: [database] });
    const unhealthy = await (await start([database, blobs])).inject('/api/v2.0/health');
    assert.equal(unhealthy.statusCode, 200);
    assert.deepEqual(unhealthy.json(), { status: 'unhealthy', components: [database, blobs] });
  });
});
