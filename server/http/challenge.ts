/** The service that registry tokens are for, as Harbor names it. */
export const tokenService = 'harbor-registry';

export interface ChallengeOptions {
  /** Space-joined resource scopes: `repository:team/app:pull`. */
  readonly scope?: string;
  readonly error?: string;
}

/** The `WWW-Authenticate` value that sends a client to the token endpoint. */
export function bearerChallenge(origin: string, options: ChallengeOptions = {}): string {
  const parts = [`realm="${origin}/service/token"`, `service="${tokenService}"`];
  if (options.scope !== undefined) parts.push(`scope="${options.scope}"`);
  if (options.error !== undefined) parts.push(`error="${challengeText(options.error)}"`);
  return `Bearer ${parts.join(',')}`;
}

const longestError = 256;

/** A sentence as `error=` carries it to `kubectl describe pod`: ASCII, no quotes, of bounded length. */
export function challengeText(sentence: string): string {
  const plain = sentence.replaceAll(/["\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?');
  return plain.length <= longestError ? plain : `${plain.slice(0, longestError - 3)}...`;
}
