import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { isDnsLabel, isDnsSubdomain } from '#contract/names.ts';

/** Under which nodes bring ServiceAccount tokens as passwords. */
export const workloadUsername = 'jwt';

/** No password of people looks so: three parts of base64url, the first a JSON object. */
export function looksLikeToken(password: string): boolean {
  return /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(password);
}

/** What a token says of itself, before anything of it is believed. */
export interface ClaimedToken {
  readonly algorithm: string | undefined;
  readonly kid: string | undefined;
  readonly claims: JWTPayload;
}

/** Undefined for what is no token. */
export function readToken(text: string): ClaimedToken | undefined {
  try {
    const { alg, kid } = decodeProtectedHeader(text);
    return {
      algorithm: typeof alg === 'string' ? alg : undefined,
      kid: typeof kid === 'string' ? kid : undefined,
      claims: decodeJwt(text),
    };
  } catch {
    return undefined;
  }
}

/** Whose a ServiceAccount token is. */
export interface TokenSubject {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** A claim as a sentence may show it, whatever it is: nothing of it is called. */
export function textOf(claim: unknown): string {
  return typeof claim === 'string' ? claim : (JSON.stringify(claim) ?? 'none');
}

/** Undefined unless all that the token says of its ServiceAccount is the same. */
export function subjectOf({ sub, ...claims }: JWTPayload): TokenSubject | undefined {
  const [system, kind, namespace = '', serviceAccount = '', ...rest] = textOf(sub).split(':');
  if (system !== 'system' || kind !== 'serviceaccount' || rest.length > 0) return undefined;
  if (!isDnsLabel(namespace) || !isDnsSubdomain(serviceAccount)) return undefined;
  const bound = objectIn(claims, 'kubernetes.io');
  if (bound?.namespace !== namespace) return undefined;
  if (objectIn(bound, 'serviceaccount')?.name !== serviceAccount) return undefined;
  return { namespace, serviceAccount };
}

function objectIn(value: object, key: string): Record<string, unknown> | undefined {
  const inner = (value as Record<string, unknown>)[key];
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
    ? (inner as Record<string, unknown>)
    : undefined;
}
