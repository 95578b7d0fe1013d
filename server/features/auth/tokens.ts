import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { Refusal } from '#lib/errors.ts';
import { anonymous, type Principal, workloadName } from '#server/permissions/principals.ts';
import type { NamedPrincipal } from './credentials.ts';
import { type AccessEntry, formatScopes, parseScopes } from './scopes.ts';

/** What a registry token says. */
export interface RegistryToken {
  readonly principal: Principal;
  /** Of the credential that it was issued on; none for anonymous callers. */
  readonly stamp?: string;
  readonly asked: readonly AccessEntry[];
  readonly granted: readonly AccessEntry[];
}

export interface RefreshToken {
  readonly principal: NamedPrincipal;
  readonly stamp: string;
}

export interface VerifiedRegistryToken {
  readonly principal: Principal;
  readonly stamp?: string;
  readonly asked: readonly AccessEntry[];
  /** Milliseconds since the epoch; past by as much as `registryTokenGraceSeconds` at most. */
  readonly expiresAt: number;
}

export interface Tokens {
  /** @param seconds how long it is good, at most `registryTokenSeconds`, the default */
  issueRegistryToken(token: RegistryToken, seconds?: number): Promise<string>;
  /** @throws {Refusal} `unauthenticated` */
  verifyRegistryToken(text: string): Promise<VerifiedRegistryToken>;
  issueRefreshToken(token: RefreshToken): Promise<string>;
  /** @throws {Refusal} `unauthenticated` */
  verifyRefreshToken(text: string): Promise<RefreshToken>;
}

export interface TokensOptions {
  /** Ed25519, PKCS #8 in DER. */
  readonly privateKey: Uint8Array;
  readonly service: string;
  readonly clock: () => number;
}

export const registryTokenSeconds = 15 * 60;
/** How long a registry token that has expired still tells who carries on an upload. */
export const registryTokenGraceSeconds = 24 * 60 * 60;
const refreshTokenSeconds = 30 * 24 * 60 * 60;

const issuer = 'berth';
const algorithm = 'EdDSA';
const maximumTokenLength = 16 * 1024;

type TokenType = 'at+jwt' | 'berth-refresh+jwt';

export function createSigningKey(): Uint8Array {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
}

/** Tokens that replicas with the same key take from each other. */
export function createTokens({ privateKey, service, clock }: TokensOptions): Tokens {
  const signingKey = createPrivateKey({
    key: Buffer.from(privateKey),
    format: 'der',
    type: 'pkcs8',
  });
  const verificationKey = createPublicKey(signingKey);

  function issue(type: TokenType, seconds: number, principal: Principal, claims: JWTPayload) {
    const now = Math.floor(clock() / 1000);
    return new SignJWT({ ...claims, principal })
      .setProtectedHeader({ alg: algorithm, typ: type })
      .setIssuer(issuer)
      .setAudience(service)
      .setSubject(subjectOf(principal))
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .setJti(randomUUID())
      .sign(signingKey);
  }

  async function verify(type: TokenType, text: string, graceSeconds = 0): Promise<JWTPayload> {
    const noun = nounOf(type);
    if (text.length > maximumTokenLength) {
      throw refused(`The ${noun} is longer than any that this registry issues.`);
    }
    try {
      const { payload } = await jwtVerify(text, verificationKey, {
        algorithms: [algorithm],
        issuer,
        audience: service,
        typ: type,
        currentDate: new Date(clock()),
        clockTolerance: graceSeconds,
        requiredClaims: ['sub', 'exp', 'iat', 'jti'],
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) throw refused(explain(error, noun, service), error);
      throw error;
    }
  }

  return {
    issueRegistryToken: ({ principal, stamp, asked, granted }, seconds = registryTokenSeconds) => {
      const askedText = formatScopes(asked);
      return issue('at+jwt', seconds, principal, {
        access: granted,
        ...(stamp !== undefined && { stamp }),
        ...(askedText !== formatScopes(granted) && { asked: askedText }),
      });
    },
    verifyRegistryToken: async (text) => {
      const payload = await verify('at+jwt', text, registryTokenGraceSeconds);
      const { exp, access, stamp, asked } = payload;
      const granted = Array.isArray(access) ? (access as AccessEntry[]) : [];
      return {
        principal: principalOf(payload),
        ...(typeof stamp === 'string' && { stamp }),
        asked: typeof asked === 'string' ? parseScopes([asked]) : granted,
        expiresAt: (exp ?? 0) * 1000,
      };
    },
    issueRefreshToken: ({ principal, stamp }) =>
      issue('berth-refresh+jwt', refreshTokenSeconds, principal, { stamp }),
    verifyRefreshToken: async (text) => {
      const payload = await verify('berth-refresh+jwt', text);
      const principal = principalOf(payload);
      if (principal.kind === 'anonymous' || typeof payload.stamp !== 'string') {
        throw refused('The refresh token names nobody: sign in again.');
      }
      return { principal, stamp: payload.stamp };
    },
  };
}

function subjectOf(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'workload':
      return workloadName(principal);
    case 'user':
    case 'robot':
      return principal.name;
  }
}

/** The signature vouches that `issue` wrote the claims: only their presence is checked. */
function principalOf({ principal }: JWTPayload): Principal {
  if (typeof principal === 'object' && principal !== null && 'kind' in principal) {
    return principal as Principal;
  }
  return anonymous;
}

function nounOf(type: TokenType): string {
  return type === 'at+jwt' ? 'registry token' : 'refresh token';
}

function explain(error: errors.JOSEError, noun: string, service: string): string {
  const cure = noun === 'registry token' ? 'ask the token endpoint for a new one' : 'sign in again';
  if (error instanceof errors.JWTExpired) return `The ${noun} has expired: ${cure}.`;
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return `The ${noun} was not signed by this registry: ${cure}.`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `The ${noun} is signed in a way that this registry does not use: ${cure}.`;
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') {
      return `The ${noun} was issued for another service than ${service}: ${cure}.`;
    }
    if (error.claim === 'iss') return `The ${noun} was issued by another registry: ${cure}.`;
    if (error.claim === 'typ') return `The token is no ${noun}: ${cure}.`;
    return `The ${noun} lacks what this registry writes into each: ${cure}.`;
  }
  return `The ${noun} cannot be read: ${cure}.`;
}

function refused(message: string, cause?: unknown): Refusal {
  return new Refusal('unauthenticated', message, cause === undefined ? undefined : { cause });
}
