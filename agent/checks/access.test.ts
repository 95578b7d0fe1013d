import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createKubernetesApi, type ResourceRule } from '#kubernetes/api/index.ts';
import { type Feature, wantedRules } from '#kubernetes/manifests/access.ts';
import { type Fault, startTestApiServer } from '#kubernetes/testing/api-server.ts';
import { missingAccess } from './access.ts';

const registry = 'registry.test';
const features: ReadonlySet<Feature> = new Set(['pull-secrets']);

function granted(scope: 'cluster' | 'namespace'): ResourceRule[] {
  return wantedRules(registry, features)
    .filter((rule) => rule.holder === undefined && rule.resources !== undefined)
    .filter((rule) => rule.scope === 'cluster' || scope === 'namespace')
    .map(({ verbs, apiGroup = '', resources = [], resourceNames = [] }) => ({
      verbs,
      apiGroups: [apiGroup],
      resources,
      resourceNames,
    }));
}

/** Lists these rules, and says of anything else what `allows` says. */
function authorizer(change: (rules: ResourceRule[]) => ResourceRule[], allows: boolean): Fault {
  return (request, response) => {
    void text(request).then((body) => {
      const { spec } = JSON.parse(body) as {
        spec: { namespace?: string; nonResourceAttributes?: object };
      };
      const scope = spec.namespace === 'berth' ? 'namespace' : 'cluster';
      const resourceRules = change(granted(scope));
      const allowed = allows || spec.nonResourceAttributes !== undefined;
      response.end(JSON.stringify({ status: { resourceRules, allowed } }));
    });
    return true;
  };
}

async function missing(fault: Fault) {
  await using server = await startTestApiServer();
  server.fault = fault;
  const api = createKubernetesApi(server.connection);
  const found = await missingAccess(api, registry, features, AbortSignal.timeout(10_000));
  api.close();
  return found.map(({ rule, verbs }) => [rule.resources?.join(), ...verbs]);
}

test('an agent that was granted what the manifests list lacks nothing', async () => {
  assert.deepEqual(await missing(authorizer((rules) => rules, false)), []);
});

test('each verb that is missing is named', async () => {
  const without = (rules: ResourceRule[]) =>
    rules.map((rule) =>
      rule.resources?.includes('serviceaccounts')
        ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'patch') }
        : rule,
    );
  assert.deepEqual(await missing(authorizer(without, false)), [['serviceaccounts', 'patch']]);
});

test('a right to one name is none to all', async () => {
  const narrowed = (rules: ResourceRule[]) =>
    rules.map((rule) =>
      rule.resources?.includes('nodes') ? { ...rule, resourceNames: ['one'] } : rule,
    );
  assert.deepEqual(await missing(authorizer(narrowed, false)), [['nodes', 'get', 'list', 'watch']]);
});

test('what an authorizer allows that lists nothing is allowed', async () => {
  assert.deepEqual(await missing(authorizer(() => [], true)), []);
});

test('everything is allowed to whoever may do everything', async () => {
  const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
  assert.deepEqual(await missing(authorizer(() => [all], false)), []);
});
