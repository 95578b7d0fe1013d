import type { Problem } from '#contract/agent.ts';
import { KubernetesError, KubernetesUnreachable } from '#kubernetes/api/index.ts';
import { agentName, pullSecretName } from '#kubernetes/manifests/names.ts';
import { Refusal } from '#lib/errors.ts';

export type Failure =
  /** The namespace or the object is gone or going: there is nothing left to do. */
  | { readonly kind: 'gone' }
  /** Somebody was quicker, or somebody is not there right now: it is tried again. */
  | { readonly kind: 'passing'; readonly message: string }
  /** Somebody must do something. It is tried again all the same. */
  | { readonly kind: 'problem'; readonly problem: Problem };

/** Why something could not be done in a namespace, and the command that cures it. */
export function explainFailure(error: unknown, namespace: string, cluster: string): Failure {
  if (error instanceof KubernetesError) return explainAnswer(error, namespace, cluster);
  if (error instanceof Refusal && error.kind === 'denied') {
    return problem(
      error.message,
      `Grant it a project: berth cluster grant ${cluster} --namespace ${namespace} --project PROJECT`,
    );
  }
  if (error instanceof KubernetesUnreachable || error instanceof Refusal) {
    return { kind: 'passing', message: error.message };
  }
  return { kind: 'passing', message: 'The agent failed: see its log.' };
}

function explainAnswer(error: KubernetesError, namespace: string, cluster: string): Failure {
  const { status, message } = error;
  if (status === 404 || /because it is being terminated/.test(message)) return { kind: 'gone' };
  const quota = /exceeded quota: ([^,\s]+)/.exec(message)?.[1];
  if (quota !== undefined) {
    return problem(
      `The quota ${quota} of the namespace leaves no room for another Secret.`,
      `Raise it: kubectl --namespace ${namespace} edit resourcequota ${quota}`,
    );
  }
  const webhook = /admission webhook "([^"]+)" denied the request/.exec(message)?.[1];
  if (webhook !== undefined) {
    return problem(
      `The admission webhook ${webhook} refuses it: ${message}`,
      `Exempt the Secret ${pullSecretName} and the ServiceAccount berth/berth-agent in the policies of ${webhook}.`,
    );
  }
  const policy = /ValidatingAdmissionPolicy '([^']+)'/.exec(message)?.[1];
  if (policy === agentName) {
    return problem(
      `Berth keeps out of the namespaces of Kubernetes itself: ${message}`,
      `Revoke what is granted to it: berth cluster grants ${cluster}`,
    );
  }
  if (policy !== undefined) {
    return problem(
      `An admission policy refuses it: ${message}`,
      `Exempt the Secret ${pullSecretName} from it: kubectl edit validatingadmissionpolicy ${policy}`,
    );
  }
  if (status === 403 && /cannot \w+ resource/.test(message)) {
    return problem(
      `The agent lacks a right: ${message}`,
      `Give it its rights again by the command that this prints: berth cluster connect ${cluster}`,
    );
  }
  if (status === 401) {
    return problem(
      'The API server does not accept the token of the agent.',
      'Start it anew: kubectl --namespace berth rollout restart deployment berth-agent',
    );
  }
  if (status === 409 || status === 429 || status >= 500) return { kind: 'passing', message };
  return problem(
    `The API server refuses it: ${message}`,
    `See what stands in its way: kubectl --namespace ${namespace} get events,resourcequotas,limitranges`,
  );
}

function problem(message: string, cure: string): Failure {
  return { kind: 'problem', problem: { message: message.slice(0, 1_024), cure } };
}

/** A Secret of somebody else stands where ours would. */
export function foreignSecret(namespace: string): Problem {
  return {
    message: `A Secret ${pullSecretName} is there that Berth did not make, and is left as it is.`,
    cure: `If nobody needs it, delete it: kubectl --namespace ${namespace} delete secret ${pullSecretName}`,
  };
}
