import assert from 'node:assert/strict';
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKeyInput,
} from 'node:crypto';
import { request } from 'node:https';
import { describe, test } from 'node:test';
import type { ClusterProof } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import type { TestServer } from '#test/server.ts';
import { connectToken, enrol, makeCluster } from './agents.ts';
import { podToken, refusal, scope, scopeOf, workplace } from './workplace.ts';

/** The promises about workloads that show a token of their ServiceAccount, on any database. */
export function workloadIdentitySuite(name: string, start: () => Promise<TestServer>): void {
  describe(`a workload by its token on ${name}`, () => {
    /** What the agent says of tokens; undefined: it fails. */
    let review: { authenticated: boolean; reason?: string } | 'denied' | undefined;
    const reviewed: string[] = [];
    const place = workplace(start, {
      'token.review': async (parameters) => {
        reviewed.push((parameters as { token: string }).token);
        if (review === undefined) throw new Error('no answer');
        if (review === 'denied') throw new Refusal('denied', 'not me');
        return review;
      },
    });
    const { rest, join, withGrant, askByForm, askByBasic, pull } = place;

    test('is refused in words where its token is not good, in the status line too', async () => {
      const now = Math.floor(Date.now() / 1000);
      const stranger = await makeCluster();
      const forged = (await podToken(place.prod)).split('.');
      forged[1] = Buffer.from(
        JSON.stringify({
          ...JSON.parse(String(Buffer.from(forged[1] ?? '', 'base64url'))),
          nbf: 0,
        }),
      ).toString('base64url');
      const web = { namespace: 'web', serviceAccount: 'default' };
      const cases: readonly [string, RegExp][] = [
        [
          await podToken(place.prod, web, { aud: 'https://kubernetes' }),
          /prod\/web\/default is for .*kubernetes.*, not for localhost:0: set serviceAccountTokenAudience to localhost:0/,
        ],
        [await podToken(place.prod, web, { aud: [] }), /not for localhost:0/],
        [await podToken(place.prod, web, { aud: ['localhost'] }), /not for localhost:0/],
        [
          await podToken(stranger),
          /key of no cluster that is connected here: connect its cluster with berth cluster connect/,
        ],
        [
          await podToken(stranger, web, {}, { kid: place.prod.jwk.kid }),
          /not signed by the key that it names/,
        ],
        [forged.join('.'), /not signed by the key that it names/],
        [
          await podToken(place.prod, web, { exp: now - 1 }),
          /has expired, by this server's clock: pull again/,
        ],
        [await podToken(place.prod, web, { exp: undefined }), /never expires/],
        [await podToken(place.prod, web, { exp: 'tomorrow' }), /never expires/],
        [await podToken(place.prod, web, { nbf: now + 600 }), /not valid yet/],
        [
          await podToken(place.prod, web, { iss: 'https://elsewhere' }),
          /names the issuer .*https:\/\/elsewhere.*berth-agent/,
        ],
        [
          await podToken(place.prod, web, { sub: 'system:serviceaccount:web:admin' }),
          /none of a ServiceAccount/,
        ],
        [
          await podToken(place.prod, web, { sub: 'system:serviceaccount:other:default' }),
          /none of a ServiceAccount/,
        ],
        [await podToken(place.prod, web, { sub: 'system:node:web' }), /none of a ServiceAccount/],
        [await podToken(place.prod, web, { sub: 7 }), /none of a ServiceAccount/],
        [await podToken(place.prod, web, { 'kubernetes.io': [] }), /none of a ServiceAccount/],
        [await podToken(place.prod, web, { aud: [7, null, {}] }), /not for localhost:0/],
        [await podToken(place.prod, web, { iss: {} }), /names the issuer/],
        [
          await podToken(place.prod, web, { 'kubernetes.io': undefined }),
          /none of a ServiceAccount/,
        ],
        [
          await podToken(place.prod, { namespace: '*', serviceAccount: '*' }),
          /none of a ServiceAccount/,
        ],
        [await place.prod.token(), /none of a ServiceAccount|not for localhost:0/],
        ['eyJhbGciOiJSUzI1NiJ9.bm8.bm8', /no ServiceAccount token/],
      ];
      for (const [token, sentence] of cases) {
        for (const ask of [askByForm, askByBasic])
          assert.match(await refusal(ask(token)), sentence);
        const { reason } = await statusLine(place.server, token);
        assert.match(reason, sentence);
        assert.ok(reason.length <= 256);
      }
    });

    test('is known by no algorithm but those of the key', async () => {
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const [, payload = ''] = (await podToken(place.prod)).split('.');
      const { kid } = place.prod.jwk;
      const pem = createPublicKey({ key: place.prod.jwk, format: 'jwk' } as JsonWebKeyInput).export(
        {
          format: 'pem',
          type: 'spki',
        },
      );
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
          assert.equal(
            await scopeOf(askByForm(await podToken(place.prod, web, {}, header))),
            scope,
          );
          assert.equal(await scopeOf(askByForm(await podToken(twin, web, {}, header))), '');
        }
      });
      await other.leave();
    });

    test('is known whatever keys another cluster reports, by the same name', async () => {
      const odd = await makeCluster();
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
      const claimed = { ...publicKey.export({ format: 'jwk' }), kid: place.prod.jwk.kid };
      const proof = await odd.proof({ keys: [odd.jwk, claimed] as ClusterProof['keys'] });
      const offered = await connectToken(place.server, 'odd');
      assert.equal((await enrol(place.server, offered, proof)).status, 201);
      const mine = await podToken(place.prod, undefined, {}, { kid: undefined });
      for (const token of [await podToken(place.prod), mine]) {
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
      const token = await podToken(place.prod, undefined, { exp });
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
      const token = await podToken(place.prod);
      review = { authenticated: true };
      const reply = await askByForm(token);
      const { expires_in: seconds } = reply.json() as { expires_in: number };
      assert.ok(seconds <= 300, String(seconds));
      await askByBasic(token);
      assert.deepEqual(reviewed, [token]);

      review = { authenticated: false, reason: 'pod not found' };
      const gone = await podToken(place.prod);
      for (const ask of [askByForm, askByBasic]) {
        assert.match(await refusal(ask(gone)), /prod\/web\/default any more \('?"?pod not found/);
      }
      assert.deepEqual(reviewed, [token, gone]);

      review = 'denied';
      assert.match(
        await refusal(askByForm(await podToken(place.prod)), 503),
        /its agent may not ask: run berth cluster connect prod and the command/,
      );
      review = undefined;
      const sentence = /its agent does not answer: see berth cluster status prod/;
      assert.match(await refusal(askByForm(await podToken(place.prod)), 503), sentence);
      await place.agent.leave();
      assert.match(await refusal(askByForm(await podToken(place.prod)), 503), sentence);
      await rest('PATCH', '/clusters/prod', { review_tokens: false });
      assert.equal((await askByForm(await podToken(place.prod))).status, 200);
      place.agent = await join('prod', place.prod);
    });
  });
}

/** What fetch does not tell of an answer. */
function statusLine(server: TestServer, token: string): Promise<{ reason: string }> {
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
