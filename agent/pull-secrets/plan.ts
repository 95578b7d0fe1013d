import type { NamespaceSelector } from '#contract/agent.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { type SelectableNamespace, selects } from '#kubernetes/namespace-selection.ts';
import type { PullSecretView } from './secret.ts';

export interface NamespaceView extends SelectableNamespace {
  readonly labels: Readonly<Record<string, string>>;
  readonly uid: string;
  readonly terminating: boolean;
}

export interface ServiceAccountView {
  readonly name: string;
  readonly resourceVersion: string;
  readonly terminating: boolean;
  readonly pullSecrets: readonly string[];
}

export interface NamespaceFacts {
  readonly selectors: readonly NamespaceSelector[];
  readonly namespace: NamespaceView;
  /** The one named `berth-pull`, whoever made it. */
  readonly secret: PullSecretView | undefined;
  readonly serviceAccounts: Iterable<ServiceAccountView>;
  /** Generations up to this one are to be replaced, whatever their age. */
  readonly retired: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What is to become of the Secret of a namespace. */
export type SecretStep =
  | { readonly kind: 'keep' }
  /** A Secret of somebody else is in the place of ours. */
  | { readonly kind: 'yield' }
  /** A credential is put in place, in the object of `uid` where there is one. */
  | { readonly kind: 'place'; readonly uid: string | undefined }
  /** Ours, and beyond mending in place. */
  | { readonly kind: 'replace'; readonly uid: string }
  | { readonly kind: 'remove'; readonly uid: string };

/** A whole new list for one ServiceAccount, valid for the version that was looked at. */
export interface ReferenceStep {
  readonly serviceAccount: string;
  readonly resourceVersion: string;
  readonly pullSecrets: readonly string[];
}

export interface NamespacePlan {
  readonly wanted: boolean;
  readonly secret: SecretStep;
  readonly references: readonly ReferenceStep[];
}

/** All that is to be done in one namespace; nothing where it is as it should be. */
export function planNamespace(facts: NamespaceFacts): NamespacePlan {
  const { selectors, namespace, secret } = facts;
  const wanted = selectors.some((selector) => selects(selector, namespace));
  // Kubernetes empties it, and refuses whatever is created there.
  if (namespace.terminating) return { wanted, secret: { kind: 'keep' }, references: [] };
  const foreign = secret?.owner === 'other';
  return {
    wanted,
    secret: secretStep(facts, wanted),
    // Beside a Secret of somebody else a reference of that name may be theirs.
    references: foreign ? [] : referenceSteps(facts.serviceAccounts, wanted),
  };
}

function secretStep({ secret, retired, now }: NamespaceFacts, wanted: boolean): SecretStep {
  if (secret?.owner === 'other') return { kind: wanted ? 'yield' : 'keep' };
  if (!wanted) {
    return secret === undefined || secret.terminating
      ? { kind: 'keep' }
      : { kind: 'remove', uid: secret.uid };
  }
  if (secret === undefined) return { kind: 'place', uid: undefined };
  // Held by somebody's finalizer: its end is an event, after which it is placed anew.
  if (secret.terminating) return { kind: 'keep' };
  if (secret.content === 'replace') return { kind: 'replace', uid: secret.uid };
  const due = secret.renewAt <= now || secret.generation <= retired;
  return secret.content === 'mend' || due ? { kind: 'place', uid: secret.uid } : { kind: 'keep' };
}

function referenceSteps(accounts: Iterable<ServiceAccountView>, wanted: boolean): ReferenceStep[] {
  const steps: ReferenceStep[] = [];
  for (const { name, resourceVersion, terminating, pullSecrets } of accounts) {
    if (terminating || pullSecrets.includes(pullSecretName) === wanted) continue;
    steps.push({
      serviceAccount: name,
      resourceVersion,
      pullSecrets: wanted
        ? [...pullSecrets, pullSecretName]
        : pullSecrets.filter((secret) => secret !== pullSecretName),
    });
  }
  return steps;
}
