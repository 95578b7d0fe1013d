import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterGrant } from '#contract/clusters.ts';
import type { TestServer } from '#test/server.ts';
import { podToken, refusal, scope, scopeOf, workplace } from './workplace.ts';

/** The promises about what workloads are granted, on any database. */
export function grantsSuite(name: string, start: () => Promise<TestServer>): void {
  describe(`a workload on ${name}`, () => {
    const place = workplace(start);
    const { rest, report, grant, revoke, withGrant, askByForm, askByBasic, pull } = place;

    test('pulls what its namespace is granted, by name, and nothing once that is taken away', async () => {
      const token = await podToken(place.prod);
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
      const token = await podToken(place.prod);
      await withGrant({ kind: 'labels', labels: { tier: 'front' } }, async () => {
        assert.equal(await scopeOf(askByForm(token)), scope);
        await report([{ name: 'web', labels: { tier: 'back' } }]);
        assert.equal(await scopeOf(askByForm(token)), '');
        await report([{ name: 'web', labels: { tier: 'front', more: '' } }]);
        assert.equal(await scopeOf(askByForm(token)), scope);
        const unknown = await podToken(place.prod, { namespace: 'new', serviceAccount: 'default' });
        assert.equal(await scopeOf(askByForm(unknown)), '');
      });
    });

    test('pulls what all namespaces are granted, unless it is of Kubernetes or of Berth', async () => {
      const own = ['kube-system', 'kube-public', 'kube-node-lease', 'berth'];
      const tokens = await Promise.all(
        own.map((namespace) => podToken(place.prod, { namespace, serviceAccount: 'default' })),
      );
      for (const selector of [{ kind: 'all' }, { kind: 'labels', labels: { tier: 'front' } }]) {
        await withGrant(selector, async () => {
          assert.equal(await scopeOf(askByForm(await podToken(place.prod))), scope);
          for (const token of tokens) assert.equal(await scopeOf(askByForm(token)), '');
        });
      }
      await withGrant({ kind: 'name', name: 'kube-system' }, async () => {
        assert.equal(await scopeOf(askByForm(tokens[0] ?? '')), scope);
      });
    });

    test('is a member of a project by its namespace, its ServiceAccount, or both', async () => {
      const token = await podToken(place.prod, { namespace: 'web', serviceAccount: 'builder' });
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

      test('with a warning where it covers nothing that is there', async () => {
        const warning = async (selector: object) => {
          const reply = await rest('POST', '/clusters/prod/grants', { project: 'team', selector });
          await revoke((reply.json() as ClusterGrant).id);
          return reply.headers.warning;
        };
        assert.equal(await warning({ kind: 'name', name: 'web' }), undefined);
        assert.equal(await warning({ kind: 'labels', labels: { tier: 'front' } }), undefined);
        assert.equal(await warning({ kind: 'all' }), undefined);
        const mistyped = String(await warning({ kind: 'name', name: 'wbe' }));
        assert.match(mistyped, /^299 - "prod has no namespace wbe now: .*mistyped\."$/);
        const labels = { tier: 'back' };
        const unlabelled = String(await warning({ kind: 'labels', labels }));
        assert.match(unlabelled, /^299 - "No namespace of prod has these labels now: /);
      });

      test('by nobody else', async () => {
        const body = { project: 'team', selector: { kind: 'all' } };
        const jwt = 'jwt:password of jwt';
        assert.equal((await rest('POST', '/clusters/prod/grants', body, jwt)).status, 403);
        assert.equal((await rest('GET', '/clusters/prod/grants', undefined, jwt)).status, 403);
        assert.equal((await place.server.request('/api/v2.0/clusters/prod/grants')).status, 401);
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
