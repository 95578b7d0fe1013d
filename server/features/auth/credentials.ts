import type { Principal } from '#server/permissions/principals.ts';

export type NamedPrincipal = Exclude<Principal, { kind: 'anonymous' }>;

/** Proof of who somebody is, as far as it must be remembered. */
export interface Credential {
  readonly principal: NamedPrincipal;
  /** Another one once what was issued on it must stop working. Only its verifier reads it. */
  readonly stamp: string;
  /** Milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
}

/** Knows the names and passwords of one kind of principal. */
export interface CredentialVerifier {
  readonly principalKind: NamedPrincipal['kind'];

  /** Whether this verifier is the one to judge such a pair. The first that says so does. */
  claims(username: string, password: string): boolean;

  /** Whether people chose the secret, so that guesses are to be limited before they are tried. */
  isGuessable(password: string): boolean;

  /**
   * Undefined where name or password is wrong, in the same time for unknown names.
   * @throws {Refusal} `unauthenticated` where they are right but have ended
   */
  verify(
    username: string,
    password: string,
  ): Credential | undefined | Promise<Credential | undefined>;

  /** A sentence for whoever brought a wrong name or password: the command that cures it. */
  wrong(username: string): string;

  /**
   * The credential that `stamp` remembers, as it stands now.
   * @throws {Refusal} `unauthenticated` where it has ended
   */
  recall(principal: NamedPrincipal, stamp: string): Credential | Promise<Credential>;
}
