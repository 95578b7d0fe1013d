import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestServer } from '#test/server.ts';
import { refusal, scope, scopeOf, workplace } from './workplace.ts';

/** The promises about workloads that show the secret of their namespace, on any database. */
export function namespaceSecretsSuite(name: string, start: () => Promise<TestServer>): void {
  describe(`a workload by the secret of its namespace on ${name}`, () => {
    const place = workplace(start);
    const { rest, withGrant, askByForm, askByBasic } = place;

    const issue = (namespace: string, uid = `uid of ${namespace}`, labels = {}) =>
      place.agent.call('credentials.issue', {
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
        await assert.rejects(issue('web.shop'), /no name of a namespace/);
        await assert.rejects(issue('../web'), /namespace\.name must match pattern/);
      });
    });

    test('ends with the next request when the namespace is gone or is another', async () => {
      await withGrant({ kind: 'all' }, async () => {
        const first = await issue('brief');
        assert.equal(await scopeOf(askByBasic(first.secret, first.username)), scope);
        await place.agent.call('namespaces.report', {
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
}
