import { setTimeout as wait } from 'node:timers/promises';
import type { DesiredState, NamespaceSelector } from '#contract/agent.ts';
import { isForbidden } from '#kubernetes/api/index.ts';
import { selects } from '#kubernetes/namespace-selection.ts';
import { Refusal } from '#lib/errors.ts';
import type { AgentContext, AgentPart } from '../part.ts';
import { type ClusterView, createClusterView } from './cluster-view.ts';
import { createCredentials } from './credentials.ts';
import { explainFailure } from './failures.ts';
import { createHealing, type Healing } from './healing.ts';
import { findLeftovers } from './leftovers.ts';
import { createOutage } from './outage.ts';
import { createReconciler } from './reconciler.ts';
import { removeEverything } from './removal.ts';
import type { PullSecretPurpose } from './secret.ts';
import { type Concern, createStates } from './states.ts';

/** The server waits 30 s for an answer. */
const longestRotationMilliseconds = 20_000;
const rotationCheckMilliseconds = 50;
const renewalCheckMilliseconds = 30_000;
/** Watches that fail are tried again every second. */
const outageOverMilliseconds = 1_500;

/**
 * Keeps a pull secret, and the references to it, in every namespace that a selector covers and in
 * no other.
 */
export function createPullSecrets(context: AgentContext): AgentPart {
  const { api, server, namespaces, registry, reports, log, signal } = context;
  const states = createStates(reports.setNamespace);
  const credentials = createCredentials({
    server,
    unknown: (name, generation) => reconciler.retire(name, generation),
  });
  let cluster = '';
  let selectors: readonly NamespaceSelector[] = [];
  let isRemoved = false;
  let view: ClusterView | undefined;
  let healing: Healing | undefined;

  const purpose = (): PullSecretPurpose => ({ cluster, registry });
  const reconciler = createReconciler({
    api,
    facts: {
      selectors: () => selectors,
      purpose,
      view: () => view,
      namespace: (name) => namespaces.get(name),
    },
    credentials,
    states,
    ready: (name) => healing?.recheck(name),
    report: log.failure,
  });
  const outage = createOutage(outageOverMilliseconds, addAll);

  function addAll(): void {
    for (const { name } of namespaces.values()) reconciler.add(name);
  }

  function covered(): string[] {
    return [...namespaces.values()]
      .filter((namespace) => selectors.some((selector) => selects(selector, namespace)))
      .map(({ name }) => name);
  }

  /** Looks at the cluster from now on, for as long as this agent leads. */
  function start(): ClusterView {
    const started = createClusterView({
      api,
      signal,
      failed: watchFailed,
      secretChanged: (name) => reconciler.add(name),
      serviceAccountChanged: (name) => reconciler.add(name, 'references'),
    });
    healing = createHealing({
      api,
      registry,
      serviceAccount: started.serviceAccount,
      hasSecret: (name) => started.secret(name, purpose())?.content === 'sound',
      report: (error) => log.failure('Pods that wait for an image', error),
      signal,
    });
    void started.secretsFilled.then(addAll);
    void started.filled.then(() => {
      addAll();
      confirm(covered());
    });
    namespaces.subscribe(({ kind, item }) => {
      if (kind === 'deleted') reconciler.forget(item.name);
      else reconciler.add(item.name);
    });
    const renewals = setInterval(renew, renewalCheckMilliseconds);
    signal.addEventListener('abort', () => {
      clearInterval(renewals);
      outage.close();
      credentials.close();
      reconciler.close();
    });
    return started;
  }

  /** The server may have lost what it issued, by a restore above all: it is asked, by what it hears. */
  function confirm(names: Iterable<string>): void {
    for (const name of names) {
      const secret = view?.secret(name, purpose());
      if (secret?.content === 'sound') credentials.placed(name, secret.generation);
    }
  }

  function renew(): void {
    const now = Date.now();
    for (const name of covered()) {
      const secret = view?.secret(name, purpose());
      if (secret !== undefined && secret.renewAt <= now) reconciler.add(name, 'secret');
    }
  }

  function watchFailed(concern: Concern, error: unknown): void {
    log.failure(
      `The watch for ${concern === 'secret' ? 'pull secrets' : 'ServiceAccounts'}`,
      error,
    );
    outage.failed();
    for (const name of covered()) {
      const failure = explainFailure(error, name, cluster);
      if (failure.kind !== 'problem') return;
      states.set(name, concern, failure);
    }
  }

  /** A cluster without grants is looked at once: an earlier agent may have left something. */
  async function isNeeded(): Promise<boolean> {
    if (selectors.length > 0) return true;
    try {
      const { secrets, references } = await findLeftovers(api, signal);
      return secrets.length > 0 || references.length > 0;
    } catch (error) {
      // Without the right to look, nothing can have been left.
      if (isForbidden(error)) return false;
      throw error;
    }
  }

  function isUnderWay(name: string): boolean {
    return reconciler.isRetired(name) && states.problem(name) === undefined;
  }

  return {
    name: 'pull-secrets',
    async stateChanged(desired: DesiredState) {
      cluster = desired.cluster;
      const before = new Set(covered());
      selectors = isRemoved ? [] : desired.pullSecrets.selectors;
      if (view === undefined && (await isNeeded())) view = start();
      addAll();
      // What was taken away meanwhile has ended with that, although its Secret may be there still.
      confirm(covered().filter((name) => !before.has(name)));
    },
    connected() {
      confirm(covered());
      credentials.connected();
      reconciler.retryAll();
    },
    answers: {
      'credentials.rotate': async ({ namespace }) => {
        const chosen = namespace === undefined ? covered() : [namespace];
        if (namespace !== undefined && !covered().includes(namespace)) {
          throw new Refusal(
            'not-found',
            `The namespace ${namespace} of ${cluster} has no pull secret of Berth: grant it a project by \`berth cluster grant ${cluster} --namespace ${namespace} --project PROJECT\`.`,
          );
        }
        for (const name of chosen) reconciler.retire(name);
        const end = performance.now() + longestRotationMilliseconds;
        while (chosen.some(isUnderWay) && performance.now() < end) {
          await wait(rotationCheckMilliseconds, undefined, { signal });
        }
        const [failed] = chosen.filter((name) => reconciler.isRetired(name));
        if (failed === undefined) return {};
        const problem = states.problem(failed);
        throw new Refusal(
          'unavailable',
          `The pull secret of ${failed} could not be renewed yet, and is tried again: ${problem?.message ?? 'the cluster did not answer in time'}`,
        );
      },
    },
    async remove() {
      isRemoved = true;
      selectors = [];
      if (view === undefined && !(await isNeeded())) return [];
      view ??= start();
      return removeEverything({
        api,
        attempt: async (names) => {
          for (const name of names) reconciler.add(name);
          await reconciler.settled();
        },
        isGoing: (name) => namespaces.get(name)?.terminating !== false,
        reason: (name) => states.problem(name)?.message,
        signal,
      });
    },
  };
}
