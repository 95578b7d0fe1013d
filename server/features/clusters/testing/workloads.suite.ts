import assert from 'node:assert/strict';
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKeyInput,
} from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { JWTPayload } from 'jose';
import type { ClusterProof } from '#contract/agent.ts';
import type { ClusterGrant } from '#contract/clusters.ts';
import { Refusal } from '#lib/errors.ts';
import type { Reply, TestServer } from '#test/server.ts';
import {
  type AgentOptions,
  connectAgent,
  connectToken,
  enrol,
  enrolled,
  issuer,
  makeCluster,
  registryName,
  type TestAgent,
  type TestCluster,
} from './agents.ts';

const scope = 'repository:team/app:pull';

export interface Account {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** A token as a kubelet gets it for a pod; what is given replaces what is right. */
export function podToken(
  cluster: TestCluster,
  { namespace, serviceAccount }: Account = { namespace: 'web', serviceAccount: 'default' },
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return cluster.sign(
    {
      iss: issuer,
      sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
      aud: [registryName],
      iat: now,
      nbf: now,
      exp: now + 3_607,
      jti: crypto.randomUUID(),
      'kubernetes.io': {
        namespace,
        node: { name: 'node-1', uid: 'n' },
        pod: { name: 'app-1', uid: 'p' },
        serviceaccount: { name: serviceAccount, uid: 's' },
      },
      ...claims,
    } as JWTPayload,
    header,
  );
}

/** The promises about who workloads are and what they may pull, on any database. */
export function workloadsSuite(name: string, start: () => Promise<TestServer>): void {
  describe(`a workload on ${name}`, () => {
    let server: TestServer;
    let prod: TestCluster;
    let agent: TestAgent;
    /** What the agent says of tokens; undefined: it fails. */
    let review: { authenticated: boolean; reason?: string } | 'denied' | undefined;
    const reviewed: string[] = [];

    before(async () => {
      server = await start();
      prod = await makeCluster();
      agent = await join('prod', prod);
      for (const project of ['team', 'other']) {
        await rest('POST', '/projects', { project_name: project, metadata: { public: 'false' } });
      }
      for (const username of ['alice', 'jwt']) {
        await rest('POST', '/users', { username, password: `password of ${username}` });
      }
      await rest('POST', '/projects/team/members', {
        role_id: 1,
        member_user: { username: 'alice' },
      });
      await report([
        { name: 'web', labels: { tier: 'front' } },
        { name: 'kube-system', labels: { tier: 'front' } },
      ]);
    });
    after(async () => {
      await agent.leave();
      await server.stop();
    });

    async function join(cluster: string, keys: TestCluster): Promise<TestAgent> {
      const { secret } = await enrolled(server, cluster, keys);
      const answers: AgentOptions['answers'] = {
        'token.review': async (parameters) => {
          reviewed.push((parameters as { token: string }).token);
          if (review === undefined) throw new Error('no answer');
          if (review === 'denied') throw new Refusal('denied', 'not me');
          return review;
        },
      };
      return connectAgent(server, { secret, proof: await keys.token(), answers });
    }

    function report(namespaces: readonly { name: string; labels: Record<string, string> }[]) {
      const changed = namespaces.map((namespace) => ({
        uid: `uid of ${namespace.name}`,
        ...namespace,
      }));
      return agent.call('namespaces.report', { complete: false, changed, removed: [] });
    }

    async function rest(
      method: string,
      path: string,
      body?: unknown,
      as: string | undefined = server.admin,
    ): Promise<Reply> {
      return server.request(`/api/v2.0${path}`, {
        method,
        as,
        ...(body !== undefined && {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      });
    }

    async function grant(selector: unknown, project = 'team'): Promise<number> {
      const reply = await rest('POST', '/clusters/prod/grants', { project, selector });
      assert.ok(reply.status === 201 || reply.status === 200, String(reply.body));
      return (reply.json() as ClusterGrant).id;
    }

    async function revoke(id: number): Promise<void> {
      assert.equal((await rest('DELETE', `/clusters/prod/grants/${id}`)).status, 200);
    }

    async function withGrant(selector: unknown, run: () => Promise<void>): Promise<void> {
      const id = await grant(selector);
      try {
        await run();
      } finally {
        await revoke(id);
      }
    }

    /** As containerd asks first. */
    function askByForm(password: string, username = 'jwt'): Promise<Reply> {
      return server.request('/service/token', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: String(
          new URLSearchParams({
            grant_type: 'password',
            service: 'harbor-registry',
            client_id: 'containerd-client',
            scope,
            username,
            password,
          }),
        ),
      });
    }

    function askByBasic(password: string, username = 'jwt'): Promise<Reply> {
      return server.request(`/service/token?service=harbor-registry&scope=${scope}`, {
        as: `${username}:${password}`,
      });
    }

    async function scopeOf(reply: Promise<Reply>): Promise<string> {
      const { status, body, json } = await reply;
      assert.equal(status, 200, String(body));
      return (json() as { scope: string }).scope;
    }

    async function refusal(reply: Promise<Reply>, status = 401): Promise<string> {
      const { status: given, body, json } = await reply;
      assert.equal(given, status, String(body));
      return (json() as { errors: { message: string }[] }).errors[0]?.message ?? '';
    }

    async function pull(token: string): Promise<Reply> {
      return server.request('/v2/team/app/manifests/1', { token });
    }

    test('pulls what its namespace is granted, by name, and nothing once that is taken away', async () => {
      const token = await podToken(prod);
      assert.equal(await scopeOf(askByForm(token)), '');
      const id = await grant({ kind: 'name', name: 'web' });
      assert.equal(await scopeOf(askByForm(token)), scope);
      assert.equal(await scopeOf(askByBasic(token)), scope);
      const reply = await askByForm(token);
      const { access_token: registryToken } = reply.json() as { access_token: string };
      assert.equal((await pull(registryToken)).status, 404);
      await revoke(id);
      const refused = await pull(registryToken);
      assert.equal(refused.status, 401);
      assert.match(
        refused.headers['www-authenticate'] ?? '',
        /error="workload prod\/web\/default has no pull on team\/app: an admin of team can run berth cluster grant prod --namespace web --project team/,
      );
    });

    test('pulls what its namespace is granted by the labels that were reported last', async () => {
      const token = await podToken(prod);
      await withGrant({ kind: 'labels', labels: { tier: 'front' } }, async () => {
        assert.equal(await scopeOf(askByForm(token)), scope);
        await report([{ name: 'web', labels: { tier: 'back' } }]);
        assert.equal(await scopeOf(askByForm(token)), '');
        await report([{ name: 'web', labels: { tier: 'front', more: '' } }]);
        assert.equal(await scopeOf(askByForm(token)), scope);
        const unknown = await podToken(prod, { namespace: 'new', serviceAccount: 'default' });
        assert.equal(await scopeOf(askByForm(unknown)), '');
      });
    });

    test('pulls what all namespaces are granted, unless it is of Kubernetes or of Berth', async () => {
      const own = ['kube-system', 'kube-public', 'kube-node-lease', 'berth'];
      const tokens = await Promise.all(
        own.map((namespace) => podToken(prod, { namespace, serviceAccount: 'default' })),
      );
      for (const selector of [{ kind: 'all' }, { kind: 'labels', labels: { tier: 'front' } }]) {
        await withGrant(selector, async () => {
          assert.equal(await scopeOf(askByForm(await podToken(prod))), scope);
          for (const token of tokens) assert.equal(await scopeOf(askByForm(token)), '');
        });
      }
      await withGrant({ kind: 'name', name: 'kube-system' }, async () => {
        assert.equal(await scopeOf(askByForm(tokens[0] ?? '')), scope);
      });
    });

    test('is a member of a project by its namespace, its ServiceAccount, or both', async () => {
      const token = await podToken(prod, { namespace: 'web', serviceAccount: 'builder' });
      for (const workload of ['prod/web/*', 'prod/web/builder', 'prod/*/builder', 'prod/*/*']) {
        const made = await rest('POST', '/projects/team/members', {
          role_id: 5,
          member_workload: { name: workload },
        });
        assert.equal(made.status, 201, String(made.body));
        assert.equal(made.headers.warning, undefined);
        assert.equal(await scopeOf(askByForm(token)), scope, workload);
        await rest('DELETE', made.headers.location?.replace('/api/v2.0', '') ?? '');
        assert.equal(await scopeOf(askByForm(token)), '');
      }
    });

    test('is no member of anything where its cluster is not connected, which is told', async () => {
      const made = await rest('POST', '/projects/team/members', {
        role_id: 5,
        member_workload: { name: 'staging/web/*' },
      });
      assert.equal(made.status, 201);
      assert.match(made.headers.warning ?? '', /^299 - "No cluster is connected as staging: .*"$/);
    });

    test('is refused in words where its token is not good, in the status line too', async () => {
      const now = Math.floor(Date.now() / 1000);
      const stranger = await makeCluster();
      const forged = (await podToken(prod)).split('.');
      forged[1] = Buffer.from(
        JSON.stringify({
          ...JSON.parse(String(Buffer.from(forged[1] ?? '', 'base64url'))),
          nbf: 0,
        }),
      ).toString('base64url');
      const web = { namespace: 'web', serviceAccount: 'default' };
      const cases: readonly [string, RegExp][] = [
        [
          await podToken(prod, web, { aud: 'https://kubernetes' }),
          /prod\/web\/default is for .*kubernetes.*, not for localhost:0: set serviceAccountTokenAudience to localhost:0/,
        ],
        [await podToken(prod, web, { aud: [] }), /not for localhost:0/],
        [await podToken(prod, web, { aud: ['localhost'] }), /not for localhost:0/],
        [
          await podToken(stranger),
          /key of no cluster that is connected here: connect its cluster with berth cluster connect/,
        ],
        [
          await podToken(stranger, web, {}, { kid: prod.jwk.kid }),
          /not signed by the key that it names/,
        ],
        [forged.join('.'), /not signed by the key that it names/],
        [
          await podToken(prod, web, { exp: now - 1 }),
          /has expired, by this server's clock: pull again/,
        ],
        [await podToken(prod, web, { exp: undefined }), /never expires/],
        [await podToken(prod, web, { exp: 'tomorrow' }), /never expires/],
        [await podToken(prod, web, { nbf: now + 600 }), /not valid yet/],
        [
          await podToken(prod, web, { iss: 'https://elsewhere' }),
          /names the issuer .*https:\/\/elsewhere.*berth-agent/,
        ],
        [
          await podToken(prod, web, { sub: 'system:serviceaccount:web:admin' }),
          /none of a ServiceAccount/,
        ],
        [
          await podToken(prod, web, { sub: 'system:serviceaccount:other:default' }),
          /none of a ServiceAccount/,
        ],
        [await podToken(prod, web, { sub: 'system:node:web' }), /none of a ServiceAccount/],
        [await podToken(prod, web, { sub: 7 }), /none of a ServiceAccount/],
        [await podToken(prod, web, { 'kubernetes.io': [] }), /none of a ServiceAccount/],
        [await podToken(prod, web, { aud: [7, null, {}] }), /not for localhost:0/],
        [await podToken(prod, web, { iss: {} }), /names the issuer/],
        [await podToken(prod, web, { 'kubernetes.io': undefined }), /none of a ServiceAccount/],
        [await podToken(prod, { namespace: '*', serviceAccount: '*' }), /none of a ServiceAccount/],
        [await prod.token(), /none of a ServiceAccount|not for localhost:0/],
        ['eyJhbGciOiJSUzI1NiJ9.bm8.bm8', /no ServiceAccount token/],
      ];
      for (const [token, sentence] of cases) {
        for (const ask of [askByForm, askByBasic])
          assert.match(await refusal(ask(token)), sentence);
        const { reason } = await statusLine(server, token);
        assert.match(reason, sentence);
        assert.ok(reason.length <= 256);
      }
    });

    test('is known by no algorithm but those of the key', async () => {
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const [, payload = ''] = (await podToken(prod)).split('.');
      const { kid } = prod.jwk;
      const pem = createPublicKey({ key: prod.jwk, format: 'jwk' } as JsonWebKeyInput).export({
        format: 'pem',
        type: 'spki',
      });
      for (const alg of ['none', 'HS256', 'RS256', 'ES384']) {
        const signed = `${encode({ alg, kid })}.${payload}`;
        const signature =
          alg === 'none' ? '' : createHmac('sha256', pem).update(signed).digest('base64url');
        assert.match(await refusal(askByForm(`${signed}.${signature}`)), /not signed by the key/);
      }
    });

    test('is told from those of another cluster by the key, though they share an issuer', async () => {
      const twin = await makeCluster('RS256');
      const other = await join('twin', twin);
      await withGrant({ kind: 'all' }, async () => {
        for (const header of [{}, { kid: undefined }]) {
          const web = { namespace: 'web', serviceAccount: 'default' };
          assert.equal(await scopeOf(askByForm(await podToken(prod, web, {}, header))), scope);
          assert.equal(await scopeOf(askByForm(await podToken(twin, web, {}, header))), '');
        }
      });
      await other.leave();
    });

    test('is known whatever keys another cluster reports, by the same name', async () => {
      const odd = await makeCluster();
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
      const claimed = { ...publicKey.export({ format: 'jwk' }), kid: prod.jwk.kid };
      const proof = await odd.proof({ keys: [odd.jwk, claimed] as ClusterProof['keys'] });
      const offered = await connectToken(server, 'odd');
      assert.equal((await enrol(server, offered, proof)).status, 201);
      const mine = await podToken(prod, undefined, {}, { kid: undefined });
      for (const token of [await podToken(prod), mine]) {
        assert.equal((await askByForm(token)).status, 200);
      }
    });

    test('ends with the next request after its cluster is disconnected', async () => {
      const gone = await makeCluster();
      const other = await join('gone', gone);
      const token = await podToken(gone);
      const reply = await askByForm(token);
      const { access_token: registryToken } = reply.json() as { access_token: string };
      assert.notEqual((await pull(registryToken)).status, 200);
      await other.leave();
      assert.equal((await rest('DELETE', '/clusters/gone?force=true')).status, 200);
      assert.match(await refusal(askByForm(token)), /key of no cluster/);
      const refused = await pull(registryToken);
      assert.equal(refused.status, 401);
      assert.match(String(refused.body), /disconnected/);
    });

    test('gets a registry token that lives no longer than its own', async () => {
      const exp = Math.floor(Date.now() / 1000) + 100;
      const token = await podToken(prod, undefined, { exp });
      const reply = await askByForm(token);
      const { expires_in: seconds } = reply.json() as { expires_in: number };
      assert.ok(seconds > 60 && seconds <= 100, String(seconds));
    });

    test('leaves a user alone who is named as tokens are', async () => {
      assert.equal((await askByBasic('password of jwt')).status, 200);
      assert.match(await refusal(askByBasic('a.b.c')), /user name jwt or its password is wrong/);
    });

    test('is asked for in its cluster where that is wished, and refused without an answer', async () => {
      await rest('PATCH', '/clusters/prod', { review_tokens: true });
      const token = await podToken(prod);
      review = { authenticated: true };
      const reply = await askByForm(token);
      const { expires_in: seconds } = reply.json() as { expires_in: number };
      assert.ok(seconds <= 300, String(seconds));
      await askByBasic(token);
      assert.deepEqual(reviewed, [token]);

      review = { authenticated: false, reason: 'pod not found' };
      const gone = await podToken(prod);
      for (const ask of [askByForm, askByBasic]) {
        assert.match(await refusal(ask(gone)), /prod\/web\/default any more \('?"?pod not found/);
      }
      assert.deepEqual(reviewed, [token, gone]);

      review = 'denied';
      assert.match(
        await refusal(askByForm(await podToken(prod)), 503),
        /its agent may not ask: run berth cluster connect prod and the command/,
      );
      review = undefined;
      const sentence = /its agent does not answer: see berth cluster status prod/;
      assert.match(await refusal(askByForm(await podToken(prod)), 503), sentence);
      await agent.leave();
      assert.match(await refusal(askByForm(await podToken(prod)), 503), sentence);
      await rest('PATCH', '/clusters/prod', { review_tokens: false });
      assert.equal((await askByForm(await podToken(prod))).status, 200);
      agent = await join('prod', prod);
    });

    describe('by the secret of its namespace', () => {
      const issue = (namespace: string, uid = `uid of ${namespace}`, labels = {}) =>
        agent.call('credentials.issue', {
          namespace: { name: namespace, uid, labels },
        }) as Promise<{
          generation: number;
          username: string;
          secret: string;
          renewAt: number;
        }>;

      test('pulls what the whole namespace may, and not what one ServiceAccount may', async () => {
        await withGrant({ kind: 'name', name: 'shop' }, async () => {
          const { username, secret, generation, renewAt } = await issue('shop');
          assert.equal(username, 'cluster+prod+shop');
          assert.match(secret, /^berth_namespace_[0-9A-Za-z]{49}$/);
          assert.equal(generation, 1);
          assert.ok(renewAt > Date.now());
          assert.equal(await scopeOf(askByBasic(secret, username)), scope);
          assert.equal(await scopeOf(askByForm(secret, username)), scope);
        });
        await rest('POST', '/projects/other/members', {
          role_id: 5,
          member_workload: { name: 'prod/shop/builder' },
        });
        await assert.rejects(
          issue('shop'),
          /Nothing is granted to the namespace shop of cluster prod: run berth cluster grant prod --namespace shop --project/,
        );
      });

      test('is given none where nothing is granted, whatever it is named', async () => {
        await withGrant({ kind: 'all' }, async () => {
          await assert.rejects(issue('kube-system'), /Nothing is granted/);
          await assert.rejects(issue('berth'), /Nothing is granted/);
          await assert.rejects(issue('../web'), /no name of a namespace/);
        });
      });

      test('ends with the next request when the namespace is gone or is another', async () => {
        await withGrant({ kind: 'all' }, async () => {
          const first = await issue('brief');
          assert.equal(await scopeOf(askByBasic(first.secret, first.username)), scope);
          await agent.call('namespaces.report', {
            complete: false,
            changed: [],
            removed: ['brief'],
          });
          const sentence = /pull secret of namespace brief in cluster prod is wrong or has ended/;
          assert.match(await refusal(askByBasic(first.secret, first.username)), sentence);
          const second = await issue('brief', 'another');
          assert.equal(await scopeOf(askByBasic(second.secret, second.username)), scope);
          assert.match(await refusal(askByBasic(first.secret, first.username)), sentence);
          const third = await issue('brief', 'a third');
          assert.match(await refusal(askByBasic(second.secret, second.username)), sentence);
          assert.equal(await scopeOf(askByBasic(third.secret, third.username)), scope);
        });
      });

      test('is refused alike where there is no such namespace, no such cluster, no such secret', async () => {
        for (const [username, password] of [
          ['cluster+prod+nowhere', 'wrong'],
          ['cluster+nowhere+web', 'wrong'],
        ] as const) {
          assert.match(
            await refusal(askByBasic(password, username)),
            /is wrong or has ended: run berth cluster rotate/,
          );
        }
        assert.match(await refusal(askByBasic('x', 'cluster+prod')), /begin with cluster\+/);
      });
    });

    describe('is granted to', () => {
      const asAlice = 'alice:password of alice';

      test('by the admin of a project, in that project only', async () => {
        const selector = { kind: 'labels', labels: { b: '2', a: '1' } };
        const made = await rest(
          'POST',
          '/clusters/prod/grants',
          { project: 'team', selector },
          asAlice,
        );
        assert.equal(made.status, 201);
        const grant = made.json() as ClusterGrant;
        assert.deepEqual(
          { ...grant, id: 0, creation_time: '' },
          { id: 0, project: 'team', selector, role_id: 5, creation_time: '' },
        );
        assert.equal(made.headers.location, `/api/v2.0/clusters/prod/grants/${grant.id}`);
        const again = await rest('POST', '/clusters/prod/grants', {
          project: 'team',
          selector: { kind: 'labels', labels: { a: '1', b: '2' } },
        });
        assert.equal(again.status, 200);
        assert.equal((again.json() as ClusterGrant).id, grant.id);

        const elsewhere = await rest(
          'POST',
          '/clusters/prod/grants',
          { project: 'other', selector },
          asAlice,
        );
        assert.equal(elsewhere.status, 403);
        const theirs = await rest('POST', '/clusters/prod/grants', { project: 'other', selector });
        const { id } = theirs.json() as ClusterGrant;
        const list = await rest('GET', '/clusters/prod/grants', undefined, asAlice);
        assert.deepEqual(
          (list.json() as ClusterGrant[]).map(({ project }) => project),
          ['team'],
        );
        assert.equal(list.headers['x-total-count'], '1');
        const all = await rest('GET', '/clusters/prod/grants?sort=-project');
        assert.deepEqual(
          (all.json() as ClusterGrant[]).map(({ project }) => project),
          ['team', 'other'],
        );
        assert.equal(
          (await rest('DELETE', `/clusters/prod/grants/${id}`, undefined, asAlice)).status,
          404,
        );
        assert.equal(
          (await rest('DELETE', `/clusters/prod/grants/${grant.id}`, undefined, asAlice)).status,
          200,
        );
        await revoke(id);
        assert.equal((await rest('DELETE', `/clusters/prod/grants/${id}`)).status, 404);
      });

      test('by nobody else', async () => {
        const body = { project: 'team', selector: { kind: 'all' } };
        const jwt = 'jwt:password of jwt';
        assert.equal((await rest('POST', '/clusters/prod/grants', body, jwt)).status, 403);
        assert.equal((await rest('GET', '/clusters/prod/grants', undefined, jwt)).status, 403);
        assert.equal((await server.request('/api/v2.0/clusters/prod/grants')).status, 401);
      });

      test('with a selector, a project and a cluster that are, and a cure otherwise', async () => {
        const labels = (label: Record<string, string>) => ({ kind: 'labels', labels: label });
        const cases: readonly [string, unknown, number, RegExp][] = [
          ['team', { kind: 'name', name: 'Web' }, 400, /no name of a namespace/],
          ['team', { kind: 'name', name: '*' }, 400, /no name of a namespace/],
          ['team', labels({}), 400, /1 to 16/],
          [
            'team',
            labels(Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, '']))),
            400,
            /1 to 16/,
          ],
          ['team', labels({ 'a b': '' }), 400, /no label of Kubernetes/],
          ['team', labels({ '/a': '' }), 400, /no label of Kubernetes/],
          ['team', labels({ 'A.B/a': '' }), 400, /no label of Kubernetes/],
          ['team', labels({ a: '-b' }), 400, /no label of Kubernetes/],
          ['team', { kind: 'some' }, 400, /./],
          ['nowhere', { kind: 'all' }, 404, /berth project create/],
        ];
        for (const [project, selector, status, sentence] of cases) {
          const reply = rest('POST', '/clusters/prod/grants', { project, selector });
          assert.match(await refusal(reply, status), sentence);
        }
        const unknown = rest('POST', '/clusters/staging/grants', {
          project: 'team',
          selector: { kind: 'all' },
        });
        assert.match(await refusal(unknown, 404), /"staging".*berth cluster connect/);
        assert.equal((await rest('GET', '/clusters/prod/grants')).body.toString(), '[]');
      });
    });
  });
}

/** What fetch does not tell of an answer. */
async function statusLine(server: TestServer, token: string): Promise<{ reason: string }> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    const call = request(
      `${server.origin}/service/token?scope=${scope}`,
      { ca: server.authority, auth: `jwt:${token}`, agent: false },
      (response) => {
        response.resume();
        resolve({ reason: response.statusMessage ?? '' });
      },
    );
    call.on('error', reject).end();
  });
}
