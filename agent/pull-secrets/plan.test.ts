import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { NamespaceSelector } from '#contract/agent.ts';
import { type NamespaceFacts, planNamespace, type ServiceAccountView } from './plan.ts';
import type { PullSecretView } from './secret.ts';

const everything: readonly NamespaceSelector[] = [{ kind: 'all' }];
const nothing: readonly NamespaceSelector[] = [];

const placed: PullSecretView = {
  uid: 'secret-1',
  resourceVersion: '7',
  terminating: false,
  owner: 'ours',
  content: 'sound',
  generation: 3,
  renewAt: 2_000,
  password: 'p',
};

function account(name: string, ...pullSecrets: string[]): ServiceAccountView {
  return { name, resourceVersion: `of-${name}`, terminating: false, pullSecrets };
}

function plan(facts: Partial<NamespaceFacts>) {
  return planNamespace({
    selectors: everything,
    namespace: { name: 'shop', uid: 'u', labels: {}, terminating: false },
    secret: placed,
    serviceAccounts: [],
    retired: 0,
    now: 1_000,
    ...facts,
  });
}

describe('the Secret of a namespace', () => {
  test('is placed where there is none, and kept while it is sound and young', () => {
    assert.deepEqual(plan({ secret: undefined }).secret, { kind: 'place', uid: undefined });
    assert.deepEqual(plan({}).secret, { kind: 'keep' });
  });

  test('is renewed in the same object when it is due, retired or edited', () => {
    const inPlace = { kind: 'place', uid: 'secret-1' };
    assert.deepEqual(plan({ now: 2_000 }).secret, inPlace);
    assert.deepEqual(plan({ retired: 3 }).secret, inPlace);
    assert.deepEqual(plan({ retired: 2 }).secret, { kind: 'keep' });
    assert.deepEqual(plan({ secret: { ...placed, content: 'mend' } }).secret, inPlace);
  });

  test('is made anew only where it cannot be mended, and not while its end is awaited', () => {
    const fixed: PullSecretView = { ...placed, content: 'replace' };
    assert.deepEqual(plan({ secret: fixed }).secret, { kind: 'replace', uid: 'secret-1' });
    assert.deepEqual(plan({ secret: { ...fixed, terminating: true } }).secret, { kind: 'keep' });
  });

  test('goes when no selector covers the namespace any more', () => {
    assert.deepEqual(plan({ selectors: nothing }).secret, { kind: 'remove', uid: 'secret-1' });
    assert.deepEqual(plan({ selectors: nothing, secret: undefined }).secret, { kind: 'keep' });
  });

  test('is left alone in a namespace of Kubernetes, unless that is named', () => {
    const namespace = { name: 'kube-system', uid: 'u', labels: {}, terminating: false };
    assert.deepEqual(plan({ namespace, secret: undefined }).secret, { kind: 'keep' });
    const selectors: NamespaceSelector[] = [{ kind: 'name', name: 'kube-system' }];
    assert.equal(plan({ namespace, secret: undefined, selectors }).secret.kind, 'place');
  });

  test('is never asked for in a namespace that is being deleted', () => {
    const namespace = { name: 'shop', uid: 'u', labels: {}, terminating: true };
    const { secret, references } = plan({
      namespace,
      secret: undefined,
      serviceAccounts: [account('default')],
    });
    assert.deepEqual([secret, references], [{ kind: 'keep' }, []]);
  });
});

describe('what somebody else made', () => {
  const other: PullSecretView = { ...placed, owner: 'other', content: 'mend', generation: 0 };

  test('is touched by no decision: neither their Secret nor references beside it', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.constantFrom('sound' as const, 'mend' as const, 'replace' as const),
        fc.boolean(),
        fc.nat(10),
        fc.nat(4_000),
        (granted, content, terminating, retired, now) => {
          const decided = plan({
            selectors: granted ? everything : nothing,
            secret: { ...other, content, terminating },
            serviceAccounts: [account('default'), account('app', 'berth-pull')],
            retired,
            now,
          });
          assert.ok(['yield', 'keep'].includes(decided.secret.kind));
          assert.deepEqual(decided.references, []);
        },
      ),
    );
  });

  test('stays in the lists of ServiceAccounts, in its order', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
    fc.assert(
      fc.property(names, fc.boolean(), fc.boolean(), (others, referenced, granted) => {
        const before = referenced ? ['berth-pull', ...others] : others;
        const { references } = plan({
          selectors: granted ? everything : nothing,
          serviceAccounts: [account('default', ...before)],
        });
        const after = references[0]?.pullSecrets ?? before;
        assert.deepEqual(
          after.filter((name) => name !== 'berth-pull'),
          others,
        );
        assert.equal(after.includes('berth-pull'), granted);
        assert.equal(references.length, referenced === granted ? 0 : 1);
      }),
    );
  });
});

test('references do not wait for the Secret, and each names the version it was decided for', () => {
  const { references } = plan({
    secret: undefined,
    serviceAccounts: [account('default', 'x'), account('done', 'berth-pull')],
  });
  assert.deepEqual(references, [
    { serviceAccount: 'default', resourceVersion: 'of-default', pullSecrets: ['x', 'berth-pull'] },
  ]);
});
