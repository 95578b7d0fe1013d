import { X509Certificate } from 'node:crypto';
import { Refusal } from '#lib/errors.ts';
import type { Authority } from './authority.ts';

/** How far a change of the authority is. */
export type RotationPhase = 'steady' | 'announced' | 'switched';

/** What an authority is for at the moment. */
export type AuthorityRole = 'signing' | 'next' | 'previous';

/**
 * The authorities of a server. While one takes over from another, machines are to trust both: the
 * next one before it signs, the previous one until nothing shows its certificates any more.
 */
export interface AuthoritySet {
  readonly signing: Authority;
  readonly next?: Authority;
  /** PEM. Its key is gone: it signs nothing more. */
  readonly previous?: string;
  /** Milliseconds since the epoch, of the last step. */
  readonly changedAt: number;
}

/** An authority as the world may know it. */
export interface PublicAuthority {
  readonly role: AuthorityRole;
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 of the DER, as `AB:CD:…`. */
  readonly fingerprint: string;
}

export function phaseOf({ next, previous }: AuthoritySet): RotationPhase {
  if (next !== undefined) return 'announced';
  return previous === undefined ? 'steady' : 'switched';
}

/** The one that signs comes first. */
export function publicAuthorities({ signing, next, previous }: AuthoritySet): PublicAuthority[] {
  const named: [AuthorityRole, string | undefined][] = [
    ['signing', signing.certificate],
    ['next', next?.certificate],
    ['previous', previous],
  ];
  return named.flatMap(([role, certificate]) =>
    certificate === undefined
      ? []
      : [{ role, certificate, fingerprint: new X509Certificate(certificate).fingerprint256 }],
  );
}

/** The PEM text by which a machine trusts all of them. */
export function trustBundle(authorities: readonly PublicAuthority[]): string {
  return authorities.map(({ certificate }) => `${certificate.trimEnd()}\n`).join('');
}

/** @throws {Refusal} `conflict` */
export function announce(set: AuthoritySet, next: Authority, now: number): AuthoritySet {
  switch (phaseOf(set)) {
    case 'steady':
      return { signing: set.signing, next, changedAt: now };
    case 'announced':
      throw refused(
        'A next authority is announced already: go on with berth authority switch, or take it back with berth authority cancel.',
      );
    case 'switched':
      throw refused(
        'The authority before this one is still trusted: end that with berth authority retire first.',
      );
  }
}

/** @throws {Refusal} `conflict` */
export function cancel(set: AuthoritySet, now: number): AuthoritySet {
  if (set.next === undefined) {
    throw refused('No next authority is announced: there is nothing to take back.');
  }
  return { signing: set.signing, changedAt: now };
}

/** @throws {Refusal} `conflict` */
export function switchOver(set: AuthoritySet, now: number): AuthoritySet {
  if (set.next === undefined) {
    throw refused('No next authority is announced: begin with berth authority rotate.');
  }
  return { signing: set.next, previous: set.signing.certificate, changedAt: now };
}

/** @throws {Refusal} `conflict` */
export function retire(set: AuthoritySet, now: number): AuthoritySet {
  if (set.previous === undefined) {
    throw refused('No earlier authority is trusted any more: there is nothing to retire.');
  }
  return { signing: set.signing, changedAt: now };
}

export function encodeAuthoritySet(set: AuthoritySet): Uint8Array {
  return Buffer.from(JSON.stringify(set));
}

export function decodeAuthoritySet(bytes: Uint8Array): AuthoritySet {
  return JSON.parse(Buffer.from(bytes).toString()) as AuthoritySet;
}

function refused(message: string): Refusal {
  return new Refusal('conflict', message);
}
