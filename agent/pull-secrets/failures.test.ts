import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubernetesError, KubernetesUnreachable } from '#kubernetes/api/index.ts';
import { Refusal } from '#lib/errors.ts';
import { explainFailure } from './failures.ts';

/** As Kubernetes 1.36 says it. */
const answers: readonly (readonly [string, number, string, RegExp])[] = [
  [
    'a quota',
    403,
    'secrets "berth-pull" is forbidden: exceeded quota: tight, requested: secrets=1, used: secrets=2, limited: secrets=2',
    /edit resourcequota tight$/,
  ],
  [
    'a missing right',
    403,
    'secrets "berth-pull" is forbidden: User "system:serviceaccount:berth:berth-agent" cannot patch resource "secrets" in API group "" in the namespace "shop"',
    /berth cluster connect production$/,
  ],
  [
    'an admission webhook',
    400,
    'admission webhook "no.secrets.test" denied the request: not here',
    /in the policies of no\.secrets\.test/,
  ],
  [
    'an admission policy',
    422,
    `secrets "berth-pull" is forbidden: ValidatingAdmissionPolicy 'no-secrets' with binding 'all' denied request: not here`,
    /edit validatingadmissionpolicy no-secrets$/,
  ],
  ['a token that ended', 401, 'Unauthorized', /rollout restart deployment berth-agent$/],
  ['anything else', 422, 'Secret "berth-pull" is invalid: x', /--namespace shop get events/],
];

for (const [what, status, message, cure] of answers) {
  test(`${what} is told with the command that cures it`, () => {
    const failure = explainFailure(
      new KubernetesError(status, 'Reason', message),
      'shop',
      'production',
    );
    assert.ok(failure.kind === 'problem');
    assert.match(failure.problem.cure, cure);
    assert.ok(failure.problem.message.length > 10);
  });
}

test('a namespace that is gone or going is no problem', () => {
  const going =
    'secrets "berth-pull" is forbidden: unable to create new content in namespace shop because it is being terminated';
  for (const error of [
    new KubernetesError(404, 'NotFound', 'namespaces "shop" not found'),
    new KubernetesError(403, 'Forbidden', going),
  ]) {
    assert.deepEqual(explainFailure(error, 'shop', 'production'), { kind: 'gone' });
  }
});

test('what passes by itself is no problem for anybody', () => {
  for (const error of [
    new KubernetesError(409, 'Conflict', 'x'),
    new KubernetesError(500, 'InternalError', 'x'),
    new KubernetesUnreachable('x'),
    new Refusal('unavailable', 'x'),
    new Error('x'),
  ]) {
    assert.equal(explainFailure(error, 'shop', 'production').kind, 'passing');
  }
});

test('a namespace that nothing is granted to is told how to grant it something', () => {
  const failure = explainFailure(new Refusal('denied', 'No grant.'), 'shop', 'production');
  assert.ok(failure.kind === 'problem');
  assert.equal(
    failure.problem.cure,
    'Grant it a project: berth cluster grant production --namespace shop --project PROJECT',
  );
});
