import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentManifestPath } from '#contract/agent.ts';
import type { Cluster, ConnectionOffer } from '#contract/clusters.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { type Reply, startServer, type TestServer } from '#test/server.ts';
import { connectToken, enrol, makeCluster, offer } from './agents.ts';

const base = '/api/v2.0/clusters';
const json = { 'content-type': 'application/json' };
const registry = 'registry.test:5443';
const nodeList = JSON.stringify({
  items: [
    {
      metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } },
      status: {
        nodeInfo: { operatingSystem: 'linux', osImage: 'Debian', kubeletVersion: 'v1.36.3' },
        images: [{ names: ['registry.k8s.io/pause:3.10.1'], sizeBytes: 320_000 }],
      },
    },
  ],
});

/** The promises of clusters over HTTP, on any database. */
export function clusterRoutesSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`clusters by REST, on ${database}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer({
        url: `https://${registry}`,
        names: 'registry.test,10.77.0.1',
        ...(await settingsOf()),
      });
      await send('POST', '/api/v2.0/users', {
        username: 'alice',
        password: 'berths-are-For-ships-1',
        email: 'a@test',
        realname: 'a',
      });
    });
    after(() => server.stop());

    function send(method: string, path: string, body?: object, as = server.admin): Promise<Reply> {
      return server.request(path, {
        method,
        as,
        ...(body !== undefined && { headers: json, body: JSON.stringify(body) }),
      });
    }

    const messageOf = (reply: Reply) =>
      (reply.json() as { errors: { message: string }[] }).errors[0]?.message ?? '';

    const manifests = (token: string, body: string, query = '') =>
      server.request(`${agentManifestPath}${query}`, { method: 'POST', token, body });

    test('are offered with what will be allowed and the commands that connect them', async () => {
      const reply = await offer(server, 'prod', { set_config_path: true });
      assert.equal(reply.status, 201);
      assert.equal(reply.headers['cache-control'], 'no-store');
      const { name, token, expires_at, permissions, commands } = reply.json() as ConnectionOffer;
      assert.equal(name, 'prod');
      assert.match(token, /^berth_connect_[0-9A-Za-z]{49}$/);
      const left = Date.parse(expires_at) - Date.now();
      assert.ok(left > 14 * 60_000 && left <= 15 * 60_000, `${left}`);
      assert.ok(permissions.length > 5);
      assert.ok(commands.kubectl.includes(token));
      assert.equal(commands.kubectl.includes('\n'), false);
      const { state, settings, checks } = (await send('GET', `${base}/prod`)).json() as Cluster;
      assert.equal(state, 'waiting');
      assert.equal(settings.set_config_path, true);
      assert.equal(settings.credential_provider, 'install');
      assert.match(checks[0]?.detail ?? '', /waits for the connect command to be run/);
    });

    test('keep their settings when they are offered anew', async () => {
      await connectToken(server, 'again', { pull_secrets: false });
      await connectToken(server, 'again', { webhook: true });
      const { settings } = (await send('GET', `${base}/again`)).json() as Cluster;
      assert.equal(settings.pull_secrets, false);
      assert.equal(settings.webhook, true);
    });

    for (const name of ['', 'Prod', 'a_b', '-a', 'a/b', 'a'.repeat(64), '../x', 'a\u0000']) {
      test(`are not called ${JSON.stringify(name)}`, async () => {
        const reply = await offer(server, name);
        assert.equal(reply.status, 400, String(reply.body));
      });
    }

    test('are for system admins', async () => {
      await connectToken(server, 'secret');
      const asked: [string, string, object?][] = [
        ['POST', base, { name: 'mine' }],
        ['GET', base],
        ['GET', `${base}/secret`],
        ['PATCH', `${base}/secret`, {}],
        ['DELETE', `${base}/secret`],
        ['GET', `${base}/secret/nodes`],
        ['GET', `${base}/secret/namespaces`],
        ['POST', `${base}/secret/test-pulls`],
        ['POST', `${base}/secret/credential-rotations`, {}],
      ];
      for (const [method, path, body] of asked) {
        const alice = await send(method, path, body, 'alice:berths-are-For-ships-1');
        assert.equal(alice.status, 403, `${method} ${path}`);
        const nobody = await server.request(path, {
          method,
          ...(body !== undefined && { headers: json, body: JSON.stringify(body) }),
        });
        assert.equal(nobody.status, 401, `${method} ${path}`);
      }
    });

    test('that there are not are told so', async () => {
      const asked: [string, string, object?][] = [
        ['GET', ''],
        ['PATCH', '', {}],
        ['DELETE', ''],
        ['GET', '/nodes'],
        ['GET', '/namespaces'],
        ['POST', '/test-pulls'],
        ['POST', '/credential-rotations', {}],
      ];
      for (const [method, path, body] of asked) {
        const reply = await send(method, `${base}/absent${path}`, body);
        assert.equal(reply.status, 404, `${method} ${path}`);
        assert.match(messageOf(reply), /berth cluster list/);
      }
    });

    test('take addresses that nodes can use and the certificate names', async () => {
      await connectToken(server, 'addressed');
      const set = (addresses: string[]) => send('PATCH', `${base}/addressed`, { addresses });
      const reply = await set([
        'https://10.77.0.1:30500/',
        'https://REGISTRY.test',
        'https://10.77.0.1:30500',
      ]);
      assert.deepEqual((reply.json() as Cluster).settings.addresses, [
        'https://10.77.0.1:30500',
        'https://registry.test',
      ]);
      const bad: [string, RegExp][] = [
        ['http://10.77.0.1', /write https:\/\/HOST/],
        ['10.77.0.1:5000', /write https:\/\/HOST/],
        ['https://', /write https:\/\/HOST/],
        ['https://10.77.0.1/v2', /more than a host and a port: write https:\/\/10\.77\.0\.1/],
        ['https://me:secret@10.77.0.1', /more than a host and a port/],
        ['https://10.77.0.2:5000', /add it to BERTH_NAMES/],
        ['https://other.test', /add it to BERTH_NAMES/],
      ];
      for (const [address, sentence] of bad) {
        const refused = await set([address]);
        assert.equal(refused.status, 400, address);
        assert.match(messageOf(refused), sentence);
      }
      const { settings } = (await send('GET', `${base}/addressed`)).json() as Cluster;
      assert.equal(settings.addresses?.length, 2);
    });

    test('take images that are image names', async () => {
      await connectToken(server, 'imaged');
      const set = (image: string) => send('PATCH', `${base}/imaged`, { node_image: image });
      for (const image of ['a b', '$(id)', 'x\ny', "'"]) {
        assert.equal((await set(image)).status, 400, image);
      }
      assert.equal((await set('registry.k8s.io/pause:3.10')).status, 200);
      assert.equal((await set('')).status, 200);
    });

    test('that never had an agent are gone at once', async () => {
      await connectToken(server, 'early');
      const reply = await send('DELETE', `${base}/early`);
      assert.equal(reply.status, 200);
      assert.deepEqual(reply.json(), { done: true, left: [], waits_for: [] });
      assert.equal((await send('GET', `${base}/early`)).status, 404);
    });

    test('give their manifests for a token and a list of nodes', async () => {
      const token = await connectToken(server, 'applied');
      const reply = await manifests(token, nodeList);
      assert.equal(reply.status, 200, String(reply.body));
      assert.equal(reply.headers['content-type'], 'application/yaml');
      assert.equal(reply.headers['cache-control'], 'no-store');
      const text = String(reply.body);
      assert.match(text, /kind: DaemonSet/);
      assert.ok(text.includes('registry.k8s.io/pause:3.10.1'));
      assert.ok(text.includes(token));
      assert.ok(!String((await manifests(token, nodeList, '?form=gitops')).body).includes(token));
      const { checks } = (await send('GET', `${base}/applied`)).json() as Cluster;
      assert.match(checks[0]?.detail ?? '', /manifests were fetched at .* from 127\.0\.0\.1/);
    });

    /** As kubectl says it of a kind that no cluster knows. */
    async function refusedManifests(reply: Reply, status: number, sentence: RegExp) {
      assert.equal(reply.status, status, String(reply.body));
      const { kind, errors } = reply.json() as { kind: string; errors: { message: string }[] };
      assert.match(kind, sentence);
      assert.equal(errors[0]?.message, kind);
    }

    test('refuse manifests to whoever has no token that works, in words that kubectl repeats', async () => {
      const cluster = await makeCluster('ES256', registry);
      const token = await connectToken(server, 'used');
      assert.equal((await enrol(server, token, await cluster.proof())).status, 201);
      await refusedManifests(await manifests(token, nodeList), 401, /was used at .* connect used/);
      await refusedManifests(await manifests('x', ''), 401, /berth cluster connect NAME again/);
      await refusedManifests(
        await server.request(agentManifestPath, { method: 'POST', as: server.admin, body: '' }),
        401,
        /Authorization: Bearer TOKEN/,
      );
    });

    test('refuse lists of nodes that are none', async () => {
      const token = await connectToken(server, 'listed');
      for (const body of ['', '{}', '[]', '{"items":7}', 'null', '{"items":[null,7,{}]}']) {
        await refusedManifests(await manifests(token, body), 400, /--node-image IMAGE/);
      }
      await refusedManifests(await manifests(token, '{'), 400, /is no JSON/);
      const query = await manifests(token, nodeList, '?form=other');
      assert.equal(query.status, 400);
    });

    test('refuse enrolments that are none', async () => {
      const token = await connectToken(server, 'nonsense');
      const proof = await (await makeCluster('ES256', registry)).proof();
      const bad: unknown[] = [
        undefined,
        null,
        {},
        { ...proof, uid: '' },
        { ...proof, keys: [] },
        { ...proof, keys: Array(21).fill(proof.keys[0]) },
        { ...proof, serviceAccountToken: 'x'.repeat(9_000) },
        { ...proof, uid: 'a\u0000' },
      ];
      for (const each of bad) {
        const reply = await enrol(server, token, each);
        assert.equal(reply.status, 400, JSON.stringify(each)?.slice(0, 80));
      }
      assert.equal((await enrol(server, token, proof)).status, 201);
    });

    test('are listed by name, page by page', async () => {
      const all = (await send('GET', `${base}?page_size=100`)).json() as Cluster[];
      const names = all.map(({ name }) => name);
      assert.deepEqual(names, names.toSorted());
      const page = await send('GET', `${base}?page_size=1&page=2`);
      assert.equal(page.headers['x-total-count'], String(all.length));
      assert.deepEqual((page.json() as Cluster[])[0]?.name, names[1]);
    });
  });
}
