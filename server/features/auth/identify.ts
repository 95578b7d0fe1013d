import { createHmac, randomBytes } from 'node:crypto';
import { createBoundedCache } from '#lib/bounded-cache.ts';
import { Refusal } from '#lib/errors.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { ReadGrantGeneration } from '#server/database/generations.ts';
import { TooManyRequests } from '#server/http/status.ts';
import type { Credential, CredentialVerifier, NamedPrincipal } from './credentials.ts';
import type { LimitFailures } from './failure-limits.ts';
import type { SignInCounts, SignInKind } from './sign-in-counts.ts';

/** Tells principals by name and password. */
export interface Identify {
  /** @throws {Refusal} `unauthenticated`, `too-many-requests` */
  byPassword(username: string, password: string, address: string): MaybePromise<Credential>;
  /** @throws {Refusal} `unauthenticated` when the credential has ended */
  byStamp(principal: NamedPrincipal, stamp: string): MaybePromise<Credential>;
}

export interface IdentifyOptions {
  readonly verifiers: readonly CredentialVerifier[];
  readonly limitFailures: LimitFailures;
  readonly readGeneration: ReadGrantGeneration;
  readonly clock: () => number;
  readonly signIns: SignInCounts;
}

interface Remembered {
  credential: Credential;
  readonly until: number;
  generation: number;
}

interface Attempt {
  /** Of the memory. */
  readonly key: string;
  readonly username: string;
  readonly password: string;
  readonly address: string;
  /** Read before the attempt is judged. */
  readonly generation: number;
}

/** A guess that was wrong, and is wrong again as long as no right has changed. */
interface WrongGuess {
  readonly refusal: Refusal;
  readonly until: number;
  readonly generation: number;
}

export const rememberedMilliseconds = 60_000;
const rememberedCredentials = 10_000;
const rememberedGuesses = 10_000;
const maximumUsernameLength = 512;
/** ServiceAccount tokens of Kubernetes, whose issuer and names are long. */
const maximumPasswordLength = 8_192;

export function createIdentify(options: IdentifyOptions): Identify {
  const { verifiers, limitFailures, readGeneration, clock, signIns } = options;
  const limitsOfPeople = limitFailures('people', {
    windowSeconds: 300,
    perNameAndAddress: 10,
    perName: 100,
    perAddress: 300,
  });
  // Their secrets cannot be guessed: this only spares the server what a stale one asks for.
  const limitsOfMachines = limitFailures('machines', {
    windowSeconds: 60,
    perNameAndAddress: 30,
    perName: 6_000,
    perAddress: 6_000,
  });
  const remembered = createBoundedCache<Remembered>(rememberedCredentials);
  // Whoever repeats a wrong password does not guess: pods that hold a stale one would otherwise
  // lock out those that hold the right one.
  const wrongGuesses = createBoundedCache<WrongGuess>(rememberedGuesses);
  const underWay = new Map<string, Promise<Credential>>();
  const keyOfMemory = randomBytes(32);

  function recall({ credential: { principal, stamp } }: Remembered): MaybePromise<Credential> {
    return byStamp(principal, stamp);
  }

  function byStamp(principal: NamedPrincipal, stamp: string): MaybePromise<Credential> {
    const verifier = verifiers.find((one) => one.principalKind === principal.kind);
    if (verifier !== undefined) return verifier.recall(principal, stamp);
    throw new Refusal('unauthenticated', 'This registry does not know such callers any more.');
  }

  function byPassword(username: string, password: string, address: string) {
    if (username.length > maximumUsernameLength || password.length > maximumPasswordLength) {
      throw new Refusal(
        'unauthenticated',
        'The user name or the password is longer than any that this registry takes.',
      );
    }
    const key = createHmac('sha256', keyOfMemory)
      .update(`${username}\0${password}`)
      .digest('base64');
    const known = remembered.get(key);
    if (known === undefined || known.until <= clock()) return verifyOnce();
    return chain(readGeneration(), (generation) => {
      if (isExpired(known.credential, clock())) return verifyOnce();
      if (known.generation === generation) return known.credential;
      return recallOr(known, generation);
    });

    function recallOr(entry: Remembered, generation: number): MaybePromise<Credential> {
      const keep = (credential: Credential) => {
        entry.credential = credential;
        entry.generation = generation;
        return credential;
      };
      // What has ended is verified anew: the name and password may be right for another reason.
      const giveUp = (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        return verifyOnce();
      };
      try {
        const credential = recall(entry);
        return credential instanceof Promise ? credential.then(keep, giveUp) : keep(credential);
      } catch (error) {
        return giveUp(error);
      }
    }

    function verifyOnce(): MaybePromise<Credential> {
      remembered.delete(key);
      const same = underWay.get(key);
      if (same !== undefined) return same;
      const credential = chain(readGeneration(), (generation) =>
        chain(counted({ key, username, password, address, generation }), (verified) => {
          const until = clock() + rememberedMilliseconds;
          remembered.set(key, { credential: verified, until, generation });
          return verified;
        }),
      );
      if (!(credential instanceof Promise)) return credential;
      const ended = credential.finally(() => underWay.delete(key));
      underWay.set(key, ended);
      return ended;
    }
  }

  function counted(attempt: Attempt): MaybePromise<Credential> {
    try {
      const credential = verify(attempt);
      return credential instanceof Promise
        ? credential.catch((error: unknown) => count(attempt, error))
        : credential;
    } catch (error) {
      return count(attempt, error);
    }
  }

  function count({ username, password }: Attempt, error: unknown): never {
    if (error instanceof TooManyRequests) signIns.throttled += 1;
    else if (error instanceof Refusal && error.kind === 'unauthenticated') {
      signIns.failures[kindOf(username, password)] += 1;
    }
    throw error;
  }

  function kindOf(username: string, password: string): SignInKind {
    const verifier = verifiers.find((one) => one.claims(username, password));
    if (verifier === undefined) return 'unknown-name';
    if (verifier.principalKind === 'robot') return 'robot-secret';
    if (verifier.principalKind === 'workload') return 'workload';
    return verifier.isGuessable(password) ? 'password' : 'access-token';
  }

  function verify(attempt: Attempt): MaybePromise<Credential> {
    const { username, password, address } = attempt;
    const verifier = verifiers.find((one) => one.claims(username, password));
    if (verifier === undefined) {
      throw new Refusal('unauthenticated', 'This registry knows nobody with names of that kind.');
    }
    if (verifier.isGuessable(password)) return verifyGuess(verifier, attempt);
    return chain(
      verifier.verify(username, password),
      (credential) =>
        credential ??
        limitsOfMachines.count(username, address).then(() => {
          throw new Refusal('unauthenticated', verifier.wrong(username));
        }),
    );
  }

  /** Counted before it is tried, so that guesses made at once do not slip through. */
  async function verifyGuess(
    verifier: CredentialVerifier,
    { key, username, password, address, generation }: Attempt,
  ): Promise<Credential> {
    const earlier = wrongGuesses.get(key);
    if (earlier !== undefined && earlier.generation === generation && earlier.until > clock()) {
      throw earlier.refusal;
    }
    await limitsOfPeople.count(username, address);
    const credential = await verifier.verify(username, password);
    if (credential === undefined) {
      const refusal = new Refusal('unauthenticated', verifier.wrong(username));
      wrongGuesses.set(key, { refusal, until: clock() + rememberedMilliseconds, generation });
      throw refusal;
    }
    await limitsOfPeople.forgive(username, address);
    return credential;
  }

  return { byPassword, byStamp };
}

function isExpired(credential: Credential, now: number): boolean {
  return credential.expiresAt !== undefined && credential.expiresAt <= now;
}
