import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { type Arrivals, delays, percentile, watchArrivals } from '../arrivals.ts';
import { clusterName } from '../bed.ts';
import type { Scene } from './scene.ts';

const arriving = 500;
const betweenArrivals = 100;
/** Milliseconds that 99 % do not exceed. */
const target = 300;

export function manyNamespaceTests(scene: () => Scene): void {
  test(`${arriving} namespaces that come at up to ten a second have credentials at once`, async () => {
    const { berth, grant, bed, api } = scene();
    const granted = await grant('--selector arrives=many');
    const names = Array.from({ length: arriving }, (_, index) => `many-${index}`);
    const arrivals = await watchArrivals(api);
    const began = performance.now();
    for (const [index, name] of names.entries()) {
      await api.create(resources.namespaces, { metadata: { name, labels: { arrives: 'many' } } });
      await pause(Math.max(0, began + (index + 1) * betweenArrivals - performance.now()));
    }
    await allHave(names, arrivals);
    arrivals.stop();
    const measured = {
      'namespace to its pull secret': delays(names, arrivals.namespaces, arrivals.secrets),
      'ServiceAccount to its reference': delays(
        names,
        arrivals.serviceAccounts,
        arrivals.references,
      ),
    };
    for (const [what, values] of Object.entries(measured)) {
      for (const [share, name] of [
        [0.5, 'half'],
        [0.99, '99 %'],
      ] as const) {
        const value = percentile(values, share);
        bed.record({
          what: `${what}, ${name}`,
          value,
          unit: 'ms',
          ...(share > 0.9 && { target }),
        });
      }
      assert.ok(percentile(values, 0.99) < target * 10);
    }

    const revoked = performance.now();
    await berth(`revoke ${clusterName} ${granted.id}`);
    await waitFor(() => countOfOurs(api, names), {
      what: 'nothing of ours to be left',
      until: (count) => count === 0,
      limit: 120_000,
    });
    bed.record({
      what: `a grant of ${arriving} namespaces taken back, to nothing left`,
      value: performance.now() - revoked,
      unit: 'ms',
    });
    const again = performance.now();
    await grant('--selector arrives=many');
    await waitFor(() => countOfOurs(api, names), {
      what: 'all of them to have credentials again',
      until: (count) => count === arriving * 2,
      limit: 120_000,
    });
    bed.record({
      what: `a grant of ${arriving} namespaces, to credentials in all`,
      value: performance.now() - again,
      unit: 'ms',
    });
  });
}

async function allHave(names: readonly string[], arrivals: Arrivals): Promise<void> {
  const { secrets, references } = arrivals;
  await waitFor(
    async () => names.filter((name) => secrets.has(name) && references.has(name)).length,
    {
      what: 'credentials in every namespace',
      until: (count) => count === names.length,
      limit: 120_000,
    },
  );
}

/** Secrets, and ServiceAccounts that refer to them, in these namespaces. */
async function countOfOurs(api: KubernetesApi, names: readonly string[]): Promise<number> {
  const wanted = new Set(names);
  const [secrets, accounts] = await Promise.all([
    api.list(resources.secrets, { fields: `metadata.name=${pullSecretName}` }),
    api.list(resources.serviceAccounts, {}),
  ]);
  const referring = accounts.items.filter(({ imagePullSecrets = [] }) =>
    imagePullSecrets.some(({ name }) => name === pullSecretName),
  );
  return [...secrets.items, ...referring].filter(({ metadata }) =>
    wanted.has(metadata.namespace ?? ''),
  ).length;
}
