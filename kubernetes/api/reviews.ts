import type { KubernetesApi, RequestChoice } from './api.ts';
import type { ResourceRule, SelfSubjectAccessReview, TokenRequest } from './objects.ts';
import { type ObjectPlace, resources } from './resources.ts';

/** A new token of a ServiceAccount, valid for `audience` only. */
export async function requestToken(
  api: KubernetesApi,
  serviceAccount: ObjectPlace,
  audience: string,
  expirationSeconds: number,
  choice?: RequestChoice,
): Promise<string> {
  const asked: TokenRequest = { spec: { audiences: [audience], expirationSeconds } };
  const place = resources.serviceAccounts;
  const { status } = await api.createSubresource(place, serviceAccount, 'token', asked, choice);
  if (status === undefined) throw new TypeError('The API server issued no token.');
  return status.token;
}

export interface TokenVerdict {
  readonly authenticated: boolean;
  readonly reason?: string;
}

/** Whether the API server takes a token for `audience`: its pod and ServiceAccount still exist. */
export async function reviewToken(
  api: KubernetesApi,
  token: string,
  audience: string,
  choice?: RequestChoice,
): Promise<TokenVerdict> {
  const asked = { spec: { token, audiences: [audience] } };
  const { status } = await api.ask(resources.tokenReviews, asked, choice);
  if (status?.authenticated === true && status.audiences?.includes(audience)) {
    return { authenticated: true };
  }
  const reason = status?.error ?? 'the API server takes it for another audience only';
  return { authenticated: false, reason: reason.slice(0, 1_024) };
}

/** What whoever asks may do in a namespace, what holds in all of them included. */
export async function myRules(
  api: KubernetesApi,
  namespace: string,
  choice?: RequestChoice,
): Promise<readonly ResourceRule[]> {
  const { status } = await api.ask(
    resources.selfSubjectRulesReviews,
    { spec: { namespace } },
    choice,
  );
  return status?.resourceRules ?? [];
}

export type AccessQuestion = SelfSubjectAccessReview['spec'];

/** Whether whoever asks may do something. */
export async function mayI(
  api: KubernetesApi,
  question: AccessQuestion,
  choice?: RequestChoice,
): Promise<boolean> {
  const { status } = await api.ask(resources.selfSubjectAccessReviews, { spec: question }, choice);
  return status?.allowed === true;
}
