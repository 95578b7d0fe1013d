import type { NamespaceSelector } from '#contract/agent.ts';
import type { KubernetesApi } from '#kubernetes/api/index.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Credentials } from './credentials.ts';
import { explainFailure } from './failures.ts';
import { type NamespacePlan, type NamespaceView, planNamespace } from './plan.ts';
import { takeReferenceSteps } from './reference-work.ts';
import type { PullSecretPurpose } from './secret.ts';
import { takeSecretStep } from './secret-work.ts';
import { createSettling } from './settling.ts';
import type { Concern, ConcernState, States } from './states.ts';
import { createWorkQueue } from './work-queue.ts';

/** What is wanted, and what there is, at this moment. */
export interface ReconcilerFacts {
  selectors(): readonly NamespaceSelector[];
  purpose(): PullSecretPurpose;
  view(): ClusterView | undefined;
  namespace(name: string): NamespaceView | undefined;
}

export interface ReconcilerOptions {
  readonly api: KubernetesApi;
  readonly facts: ReconcilerFacts;
  readonly credentials: Credentials;
  readonly states: States;
  /** The namespace has what its pods need. */
  readonly ready: (namespace: string) => void;
  readonly report: (what: string, error: unknown) => void;
}

/** Makes what there is in namespaces into what is wanted, decided anew each time one is added. */
export interface Reconciler {
  add(namespace: string, concern?: Concern): void;
  /** Whatever failed is tried at once. */
  retryAll(): void;
  /** Replaces the credential that the namespace has, if it is of this generation or before it. */
  retire(namespace: string, generation?: number): void;
  /** Whether one is to be replaced still. */
  isRetired(namespace: string): boolean;
  forget(namespace: string): void;
  /** Resolves when each namespace was tried since it was last added. */
  settled(): Promise<void>;
  close(): void;
}

const pauses = { first: 200, last: 60_000 };
/** Each waits for the registry or the API server most of its time. */
const secretsAtOneTime = 16;
const namespacesReferencedAtOneTime = 8;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { api, facts, credentials, states, ready, report } = options;
  const retired = new Map<string, number>();
  const secrets = createWorkQueue({
    concurrency: secretsAtOneTime,
    pauses,
    work: (name) => attempt('secret', name),
  });
  const references = createWorkQueue({
    concurrency: namespacesReferencedAtOneTime,
    pauses,
    work: (name) => attempt('references', name),
  });
  const settling = {
    secret: createSettling(secrets.add),
    references: createSettling((key) => references.add(key.split('/')[0] ?? '')),
  };

  async function attempt(concern: Concern, name: string): Promise<void> {
    const view = facts.view();
    if (view === undefined || !view.isFilled(concern)) return;
    const namespace = facts.namespace(name);
    if (namespace === undefined || namespace.terminating) {
      forget(name);
      return;
    }
    try {
      const { plan, state } = await work(concern, namespace, view);
      settle(concern, name, plan, state);
    } catch (error) {
      fail(concern, name, error);
    }
  }

  async function work(
    concern: Concern,
    namespace: NamespaceView,
    view: ClusterView,
  ): Promise<{ plan: NamespacePlan; state: ConcernState }> {
    const { name } = namespace;
    const purpose = facts.purpose();
    const secret = view.secret(name, purpose);
    const plan = planNamespace({
      selectors: facts.selectors(),
      namespace,
      secret,
      serviceAccounts: view.serviceAccounts(name),
      retired: retired.get(name) ?? 0,
      now: Date.now(),
    });
    if (concern === 'references') {
      const state = await takeReferenceSteps(name, plan.references, api, settling.references);
      return { plan, state };
    }
    // What is known is older than what was written: the news of that is on its way.
    if (settling.secret.isStale(name, secret?.resourceVersion)) {
      return { plan, state: { kind: 'ready' } };
    }
    const { secret: step } = plan;
    const work = { namespace, secret, step, purpose };
    const state = await takeSecretStep(work, api, credentials, settling.secret);
    // Placed by now, or of a later generation anyway.
    if (step.kind === 'place' || step.kind === 'keep') retired.delete(name);
    return { plan, state };
  }

  function settle(concern: Concern, name: string, plan: NamespacePlan, state: ConcernState): void {
    if (!plan.wanted) {
      states.clear(name);
      return;
    }
    states.set(name, concern, state);
    if (state.kind === 'ready') ready(name);
  }

  /** @throws what failed, unless there is nothing left to do */
  function fail(concern: Concern, name: string, error: unknown): void {
    const failure = explainFailure(error, name, facts.purpose().cluster);
    if (failure.kind === 'gone') return;
    states.set(name, concern, failure.kind === 'problem' ? failure : { kind: 'waiting' });
    report(`The ${concern === 'secret' ? 'pull secret' : 'references'} of ${name}`, error);
    throw error;
  }

  function forget(name: string): void {
    states.clear(name);
    credentials.forget(name);
    retired.delete(name);
    secrets.forget(name);
    references.forget(name);
  }

  return {
    add(name, concern) {
      // A reference may stand before its Secret does: pods that have one try again by themselves.
      if (concern !== 'secret') references.add(name);
      if (concern !== 'references') secrets.add(name);
    },
    retryAll() {
      references.retryAll();
      secrets.retryAll();
    },
    retire(name, generation = Number.POSITIVE_INFINITY) {
      retired.set(name, generation);
      secrets.add(name);
    },
    isRetired: (name) => retired.has(name),
    forget,
    settled: async () => {
      await Promise.all([secrets.settled(), references.settled()]);
    },
    close() {
      secrets.close();
      references.close();
    },
  };
}
