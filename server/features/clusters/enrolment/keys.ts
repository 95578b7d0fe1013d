import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import type { PublicKey } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';

/** A public key of a cluster, and the name that tells it from every other key. */
export interface ClusterKey {
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
  /** The key itself and its `kid`, nothing else. */
  readonly jwk: JWK;
}

/** What signs ServiceAccount tokens, by the type and the curve of the key. */
const algorithms: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA'],
};

/** Those that a token may be signed with by this key; none for keys that sign nothing. */
export function algorithmsOf({ kty, crv }: JWK): readonly string[] {
  return algorithms[kty === 'RSA' ? 'RSA' : `${kty} ${crv}`] ?? [];
}

/**
 * The keys that can sign, once each.
 * @throws {Refusal} `invalid` where there is none, or one is no key
 */
export async function readKeys(keys: readonly PublicKey[]): Promise<readonly ClusterKey[]> {
  const read = new Map<string, ClusterKey>();
  for (const key of keys) {
    const jwk = essential(key);
    const [algorithm] = algorithmsOf(jwk);
    if (algorithm === undefined) continue;
    try {
      await importJWK(jwk, algorithm);
      const same = canonical(jwk);
      const thumbprint = await calculateJwkThumbprint(same);
      read.set(thumbprint, { thumbprint, jwk: same });
    } catch (error) {
      throw new Refusal(
        'invalid',
        'One of the ServiceAccount keys that the agent reported is no public key: look at kubectl get --raw /openid/v1/jwks.',
        { cause: error },
      );
    }
  }
  if (read.size > 0) return [...read.values()];
  throw new Refusal(
    'invalid',
    'None of the ServiceAccount keys that the agent reported can sign: look at kubectl get --raw /openid/v1/jwks.',
  );
}

/** One key has one text, however it was written: zeros in front and bits at the end say nothing. */
function canonical({ kid, ...jwk }: JWK): JWK {
  const text = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' }) as JWK;
  return { ...text, ...(kid !== undefined && { kid }) };
}

/** Nothing private and nothing that nobody asked for gets any further. */
function essential({ kty, kid, n, e, crv, x, y }: PublicKey): JWK {
  return {
    kty,
    ...(kid !== undefined && { kid }),
    ...(kty === 'RSA' ? { n, e } : kty === 'EC' ? { crv, x, y } : { crv, x }),
  } as JWK;
}
