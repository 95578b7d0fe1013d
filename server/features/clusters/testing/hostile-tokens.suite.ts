import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import type { TestServer } from '#test/server.ts';
import { podToken, refusal, scope, scopeOf, workplace } from './workplace.ts';

const web = { namespace: 'web', serviceAccount: 'default' };

function encoded(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  );
}

/** What a pod, or anybody on the network, may show as the token of a workload. */
export function hostileTokensSuite(name: string, start: () => Promise<TestServer>): void {
  describe(`a token that somebody made up on ${name}`, () => {
    const place = workplace(start);
    const { askByForm, askByBasic, withGrant, rest } = place;

    /** 401 with a sentence, by every way to ask; never granted, never a failure of the server. */
    async function isRefused(token: string): Promise<void> {
      for (const ask of [askByForm, askByBasic]) assert.notEqual(await refusal(ask(token)), '');
      const reply = await place.pull(token);
      assert.equal(reply.status, 401, String(reply.body));
    }

    const header = { alg: 'ES256' };
    const callable = { toString: 1, valueOf: 1 };
    const unsigned: Readonly<Record<string, (kid: unknown) => [unknown, unknown]>> = {
      'an issuer that is no text': (kid) => [{ ...header, kid }, { iss: callable }],
      'an issuer that is no text, and no key': () => [header, { iss: callable }],
      'an issuer that is a list': () => [header, { iss: [[[]]] }],
      'a key that is no text': () => [{ ...header, kid: callable }, {}],
      'an algorithm that is no text': (kid) => [{ alg: callable, kid }, {}],
      'claims that are a list': (kid) => [{ ...header, kid }, []],
      'claims that are null': (kid) => [{ ...header, kid }, 'null'],
      'a header that is a list': () => [[], {}],
      'the names of what every object has': (kid) => [
        { ...header, kid },
        '{"__proto__":{"iss":"x"},"constructor":{"prototype":{"sub":"x"}}}',
      ],
      'claims below each other without an end': (kid) => [
        { ...header, kid },
        `{"iss":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,
      ],
      'text that is no JSON': (kid) => [{ ...header, kid }, '{'],
    };
    for (const [what, parts] of Object.entries(unsigned)) {
      test(`with ${what} is refused`, async () => {
        const [head, claims] = parts(place.prod.jwk.kid);
        await isRefused(`${encoded(head)}.${encoded(claims)}.${encoded('signature')}`);
      });
    }

    test('that brings a key of its own, or says where one is, is refused', async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const { SignJWT } = await import('jose');
      const jwk = publicKey.export({ format: 'jwk' });
      const [, claims = ''] = (await podToken(place.prod)).split('.');
      const payload = JSON.parse(Buffer.from(claims, 'base64url').toString());
      const { kid } = place.prod.jwk;
      for (const brought of [
        { jwk },
        { jku: `${place.server.origin}/keys` },
        { x5u: `${place.server.origin}/keys`, x5c: ['AA=='] },
      ]) {
        for (const known of [{}, { kid }]) {
          const token = await new SignJWT(payload)
            .setProtectedHeader({ alg: 'ES256', ...known, ...brought } as never)
            .sign(privateKey);
          await isRefused(token);
        }
      }
    });

    test('that asks for what its reader does not know is refused, signed or not', async () => {
      for (const asked of [
        { crit: ['exp'], exp: 1 },
        { crit: ['b64'], b64: false },
        { crit: [] },
        { crit: 'x' },
      ]) {
        const [, claims, signature] = (await podToken(place.prod)).split('.');
        const head = encoded({ alg: 'ES256', kid: place.prod.jwk.kid, ...asked });
        await isRefused(`${head}.${claims}.${signature}`);
      }
    });

    const signedButWrong: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
      'a subject that is no text': { sub: callable },
      'an issuer that is no text': { iss: callable },
      'audiences that are no texts': { aud: [callable, [], null] },
      'an audience that is an object': { aud: callable },
      'an end that is no moment': { exp: 1e308 },
      'an end before all time': { exp: -1 },
      'an end in words': { exp: '9999999999' },
      'a beginning in words': { nbf: 'now' },
      'a beginning at no moment': { nbf: 1e308 },
      'two namespaces': {
        'kubernetes.io': { namespace: 'other', serviceaccount: { name: 'default' } },
      },
      'two ServiceAccounts': {
        'kubernetes.io': { namespace: 'web', serviceaccount: { name: 'admin' } },
      },
      'a namespace that is a list': {
        'kubernetes.io': { namespace: ['web'], serviceaccount: { name: 'default' } },
      },
      'a subject with more in it': { sub: 'system:serviceaccount:web:default:x' },
      'a subject of another kind': { sub: 'system:node:web:default' },
      'names that a path would mistake': {
        sub: 'system:serviceaccount:../web:default',
        'kubernetes.io': { namespace: '../web', serviceaccount: { name: 'default' } },
      },
      'names with U+0000': {
        sub: 'system:serviceaccount:web\u0000:default',
        'kubernetes.io': { namespace: 'web\u0000', serviceaccount: { name: 'default' } },
      },
    };
    for (const [what, claims] of Object.entries(signedButWrong)) {
      test(`that a cluster signed, with ${what}, is refused`, async () => {
        await withGrant({ kind: 'all' }, async () =>
          isRefused(await podToken(place.prod, web, claims)),
        );
      });
    }

    test('that is longer than any is refused before it is read', async () => {
      const long = `eyJ${'A'.repeat(60_000)}.${'B'.repeat(60_000)}.C`;
      const reply = await askByForm(long);
      assert.ok(reply.status >= 400 && reply.status < 500, String(reply.status));
    });

    test('is no token of the registry, and one of the registry is none of a workload', async () => {
      await withGrant({ kind: 'name', name: 'web' }, async () => {
        const token = await podToken(place.prod);
        assert.equal((await place.pull(token)).status, 401);
        const { access_token: own } = (await askByForm(token)).json() as { access_token: string };
        assert.equal((await place.pull(own)).status, 404);
        await refusal(askByForm(own));
      });
    });

    test('asked for pushes by a workload gives pulls alone', async () => {
      await withGrant({ kind: 'name', name: 'web' }, async () => {
        const token = await podToken(place.prod);
        for (const wanted of ['push', 'pull,push,delete', '*', 'pull,*']) {
          const asked = encodeURIComponent(`repository:team/app:${wanted}`);
          const path = `/service/token?service=harbor-registry&scope=${asked}`;
          const given = await scopeOf(place.server.request(path, { as: `jwt:${token}` }));
          assert.ok(given === '' || given === scope, `${wanted} gave ${given}`);
        }
        const { access_token: own } = (await askByForm(token)).json() as { access_token: string };
        const push = await place.server.request('/v2/team/app/blobs/uploads/', {
          method: 'POST',
          token: own,
        });
        assert.equal(push.status, 401);
      });
    });

    test('shown again and again keeps nobody of its namespace or its cluster out', async () => {
      const bad = await podToken(place.prod, web, { aud: 'elsewhere' });
      for (let count = 0; count < 60; count += 1) {
        await refusal(askByForm(`${bad}${count % 2 === 0 ? '' : 'A'}`));
        const wrong = `berth_namespace_${String(count).padStart(40, 'a')}`;
        assert.ok([401, 429].includes((await askByBasic(wrong, 'cluster+prod+web')).status));
      }
      await withGrant({ kind: 'name', name: 'web' }, async () => {
        assert.equal(await scopeOf(askByForm(await podToken(place.prod))), scope);
        const { username, secret } = (await place.agent.call('credentials.issue', {
          namespace: { name: 'web', uid: 'uid of web', labels: { tier: 'front' } },
        })) as { username: string; secret: string };
        assert.equal(await scopeOf(askByBasic(secret, username)), scope);
      });
    });

    test('has a name that no user and no robot can be given', async () => {
      for (const username of ['cluster+prod+web', 'cluster+', 'CLUSTER+prod+web', 'jwt+x']) {
        const made = await rest('POST', '/users', {
          username,
          password: 'long enough for anybody',
        });
        assert.equal(made.status, 400, username);
      }
      for (const robot of ['cluster+prod+web', 'a+b']) {
        const made = await rest('POST', '/robots', {
          name: robot,
          level: 'system',
          duration: -1,
          permissions: [],
        });
        assert.ok(made.status === 400 || made.status === 404, `${robot}: ${made.status}`);
      }
    });
  });
}
