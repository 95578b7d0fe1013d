import { X509Certificate } from 'node:crypto';
import { Refusal } from '#lib/errors.ts';
import type { Authority } from './authority.ts';
import {
  type AuthoritySet,
  announce,
  cancel,
  decodeAuthoritySet,
  encodeAuthoritySet,
  phaseOf,
  publicAuthorities,
  retire,
  switchOver,
} from './authority-set.ts';
import {
  type AuthorityRotation,
  type CertificateLog,
  changeListeners,
  publicKeyPin,
  type ServerCertificates,
} from './certificates.ts';
import { issue } from './issuing.ts';
import type { ServedNames } from './names.ts';

const HOUR = 3_600_000;
/** How late a process may see what another one did to the authorities. */
const FOLLOW_MILLISECONDS = 2_000;
const AUTHORITIES = 'certificates.authorities';
const MOST_ATTEMPTS = 5;

/** Secrets that all replicas share. */
export interface SharedSecrets {
  /** The secret of that name, created by the first that asks for it. */
  keep(name: string, create: () => Promise<Uint8Array>): Promise<Uint8Array>;
  /** False where it is not `expected` any more: another process was faster. */
  replace(name: string, expected: Uint8Array, next: Uint8Array): Promise<boolean>;
}

/**
 * Certificates of an authority of the server's own. The authorities and the leaf's key are shared
 * secrets; each process issues its leaf from them at start and again when a third of its life is
 * left, so the public key, which clients pin, outlives every leaf. A change of the authority, made
 * by any process, is followed by all within seconds.
 */
export async function ownCertificates(
  names: ServedNames,
  secrets: SharedSecrets,
  log: CertificateLog,
  now: () => number = Date.now,
): Promise<ServerCertificates> {
  const readSet = () =>
    secrets.keep(AUTHORITIES, async () =>
      encodeAuthoritySet({ signing: await firstAuthority(secrets, now()), changedAt: now() }),
    );
  let stored = await readSet();
  let set = decodeAuthoritySet(stored);
  const key = Buffer.from(
    await secrets.keep('certificates.leaf-key', async () =>
      Buffer.from(await issue({ kind: 'leaf-key' })),
    ),
  ).toString();
  const end = new X509Certificate(set.signing.certificate).validToDate;
  if (end.getTime() <= now()) {
    throw new Error(
      `The server's own certificate authority expired on ${end.toISOString()}: bring a certificate of your own with BERTH_TLS_CERTIFICATE and BERTH_TLS_KEY.`,
    );
  }

  const issueLeaf = ({ signing }: AuthoritySet) =>
    issue({ kind: 'leaf', authority: signing, key, names, now: now() });
  let leaf = await issueLeaf(set);
  let authorities = publicAuthorities(set);
  const pin = publicKeyPin(new X509Certificate(leaf));
  const listeners = changeListeners();
  let work: Promise<void> = Promise.resolve();

  /** One after the other, so that an older reading never replaces a younger one. */
  function after(step: () => Promise<void>): Promise<void> {
    const done = work.then(step);
    work = done.catch(() => {});
    return done;
  }

  async function renewWhenDue(): Promise<void> {
    if (now() < renewalTime(new X509Certificate(leaf))) return;
    leaf = await issueLeaf(set);
    log.info(
      `The server's certificate was renewed with the same key; it now ends on ${new X509Certificate(leaf).validToDate.toISOString()}.`,
    );
    listeners.call();
  }

  async function follow(): Promise<void> {
    const latest = await readSet();
    if (Buffer.compare(latest, stored) !== 0) await adopt(latest);
  }

  async function adopt(latest: Uint8Array): Promise<void> {
    const adopted = decodeAuthoritySet(latest);
    if (adopted.signing.certificate !== set.signing.certificate) leaf = await issueLeaf(adopted);
    stored = latest;
    set = adopted;
    authorities = publicAuthorities(set);
    const signing = authorities[0]?.fingerprint;
    log.info(
      `The server's authorities changed (${phaseOf(set)}); certificates are signed by ${signing}.`,
    );
    listeners.call();
  }

  function step(change: (set: AuthoritySet) => AuthoritySet | Promise<AuthoritySet>) {
    return after(async () => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        await follow();
        const next = encodeAuthoritySet(await change(set));
        if (await secrets.replace(AUTHORITIES, stored, next)) {
          await adopt(next);
          return;
        }
      }
      throw new Refusal('conflict', 'Others change the authorities at this moment: try again.');
    });
  }

  const rotation: AuthorityRotation = {
    announce: () =>
      step(async (present) => {
        // Refused before a key is made for nothing.
        announce(present, present.signing, now());
        return announce(present, await issue({ kind: 'authority', now: now() }), now());
      }),
    cancel: () => step((present) => cancel(present, now())),
    switchOver: () => step((present) => switchOver(present, now())),
    retire: () => step((present) => retire(present, now())),
  };

  // Every hour rather than once at the end of the term: a machine that slept is late by an hour
  // at most, and no timer lasts longer than 24.8 days.
  const renewal = every(HOUR, renewWhenDue, (error) =>
    log.warn(
      `The server's certificate could not be renewed (${String(error)}); the next attempt is in an hour.`,
    ),
  );
  let unread = false;
  const following = every(
    FOLLOW_MILLISECONDS,
    async () => {
      await follow();
      unread = false;
    },
    (error) => {
      if (!unread) log.warn(`The server's authorities could not be read: ${String(error)}.`);
      unread = true;
    },
  );

  /** @returns what ends it */
  function every(
    milliseconds: number,
    action: () => Promise<void>,
    failed: (error: unknown) => void,
  ): () => void {
    let waits = false;
    const timer = setInterval(() => {
      if (waits) return;
      waits = true;
      after(action)
        .catch(failed)
        .finally(() => {
          waits = false;
        });
    }, milliseconds).unref();
    return () => clearInterval(timer);
  }

  return {
    identity: () => ({ certificate: leaf, key }),
    authority: () => set.signing.certificate,
    authorityFingerprint: () => authorities[0]?.fingerprint,
    authorities: () => authorities,
    rotation,
    publicKeyPin: () => pin,
    onChange: listeners.add,
    close() {
      renewal();
      following();
    },
  };
}

/** Kept apart from the set: servers of earlier releases made it alone. */
async function firstAuthority(secrets: SharedSecrets, now: number): Promise<Authority> {
  const made = await secrets.keep('certificates.authority', async () => {
    const { key, certificate } = await issue({ kind: 'authority', now });
    // Key and certificate together, so that no crash leaves one without the other.
    return Buffer.from(key + certificate);
  });
  const text = Buffer.from(made).toString();
  const start = text.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: text.slice(0, start), certificate: text.slice(start) };
}

function renewalTime(leaf: X509Certificate): number {
  const end = leaf.validToDate.getTime();
  return end - (end - leaf.validFromDate.getTime()) / 3;
}
