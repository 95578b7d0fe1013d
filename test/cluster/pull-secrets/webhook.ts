import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionOffer } from '#contract/clusters.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { clusterName } from '../bed.ts';
import { allPass } from '../preparation.ts';
import type { Scene } from './scene.ts';

const questions = 10;

export function webhookTests(scene: () => Scene): void {
  test('the webhook is installed with its setting, once its rights are granted', async () => {
    const { bed, berth, kubectl, grant } = scene();
    await grant('--selector arrives=hooked');
    await berth(`set ${clusterName} --webhook`);
    const offer = (await bed.berthJson(`cluster connect ${clusterName}`)) as ConnectionOffer;
    await bed.operator.type(offer.commands.kubectl);
    const webhook = () => kubectl('get mutatingwebhookconfiguration berth-agent --output=json');
    await waitFor(webhook, { what: 'the webhook to be installed', limit: 120_000 });
    const { checks } = await allPass(bed);
    assert.ok(checks.some(({ name }) => name === 'webhook'));
  });

  test('a pod whose ServiceAccount lacks the reference gets it from the webhook, and pulls', async () => {
    const { bed, kubectl, problemOf, referencesOf, image, untilPhase } = scene();
    await bed.cluster.apply(...policyAgainstReferences('hooked'));
    await kubectl('create namespace hooked');
    const annotate = '--namespace hooked annotate serviceaccount default policy=none --overwrite';
    const refusal = () => bed.operator.fails(`kubectl ${annotate}`);
    await waitFor(refusal, { what: 'the policy to hold', until: (said) => /No ref/.test(said) });
    await kubectl('label namespace hooked arrives=hooked');
    const { message } = await problemOf('hooked');
    assert.match(message, /admission policy/);
    await kubectl(`--namespace hooked run app --image=${image}`);
    await untilPhase('hooked', 'app', 'Running');
    assert.deepEqual(await referencesOf('hooked'), []);
    assert.match(await kubectl('--namespace hooked get pod app --output=yaml'), /name: berth-pull/);
  });

  test('a pod that names pull secrets of its own keeps its list', async () => {
    const { kubectl, image } = scene();
    const own = `'{"spec":{"imagePullSecrets":[{"name":"mine"}]}}'`;
    const made = await kubectl(
      `--namespace hooked run own --image=${image} --overrides=${own} --dry-run=server --output=yaml`,
    );
    assert.match(made, /name: mine/);
    assert.doesNotMatch(made, new RegExp(pullSecretName));
  });

  test('agents that do not lead answer as well', async () => {
    const { kubectl, image } = scene();
    await kubectl('--namespace berth scale deployment berth-agent --replicas=2');
    await kubectl('--namespace berth rollout status deployment berth-agent --timeout=60s');
    // Half of the questions go to each: none may be left without an answer in the end.
    const answered = async () => {
      let count = 0;
      for (let index = 0; index < questions; index++) {
        const made = await kubectl(
          `--namespace hooked run asked-${index} --image=${image} --dry-run=server --output=yaml`,
        );
        if (made.includes(pullSecretName)) count += 1;
      }
      return count;
    };
    await waitFor(answered, {
      what: 'every pod to get the reference',
      until: (count) => count === questions,
      limit: 60_000,
    });
    await kubectl('--namespace berth scale deployment berth-agent --replicas=1');
    await kubectl('--namespace berth rollout status deployment berth-agent --timeout=60s');
  });

  test('the webhook goes with its setting', async () => {
    const { berth, kubectl, untilReady } = scene();
    await kubectl(
      'delete validatingadmissionpolicybinding,validatingadmissionpolicy no-references',
    );
    await berth(`set ${clusterName} --no-webhook`);
    await waitFor(() => kubectl('get mutatingwebhookconfigurations --output=name'), {
      what: 'the webhook to be gone',
      until: (names) => !names.includes('berth-agent'),
      limit: 60_000,
    });
    await untilReady('hooked');
    await kubectl('delete namespace hooked --wait=false');
  });
}

/** Keeps everybody from changing ServiceAccounts of one namespace. */
function policyAgainstReferences(namespace: string): object[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: 'no-references' };
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: ['serviceaccounts'],
            },
          ],
        },
        validations: [
          { expression: `request.namespace != '${namespace}'`, message: 'No references here.' },
        ],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: 'no-references', validationActions: ['Deny'] },
    },
  ];
}
