import { X509Certificate } from 'node:crypto';
import type { Authority } from './authority.ts';
import {
  type CertificateLog,
  changeListeners,
  publicKeyPin,
  type ServerCertificates,
} from './certificates.ts';
import { issue } from './issuing.ts';
import type { ServedNames } from './names.ts';

const HOUR = 3_600_000;

/** The secret of that name that all replicas share, created by the first that asks for it. */
export type SharedSecret = (name: string, create: () => Promise<Uint8Array>) => Promise<Uint8Array>;

/**
 * Certificates of an authority of the server's own. The authority and the leaf's key are shared
 * secrets, made once; each process issues its leaf from them at start and again when a third of
 * its life is left, so the public key, which clients pin, outlives every leaf.
 */
export async function ownCertificates(
  names: ServedNames,
  sharedSecret: SharedSecret,
  log: CertificateLog,
  now: () => number = Date.now,
): Promise<ServerCertificates> {
  const authority = decodeAuthority(
    await sharedSecret('certificates.authority', async () =>
      encode(await issue({ kind: 'authority', now: now() })),
    ),
  );
  const key = Buffer.from(
    await sharedSecret('certificates.leaf-key', async () =>
      Buffer.from(await issue({ kind: 'leaf-key' })),
    ),
  ).toString();
  const authorityCertificate = new X509Certificate(authority.certificate);
  if (authorityCertificate.validToDate.getTime() <= now()) {
    throw new Error(
      `The server's own certificate authority expired on ${authorityCertificate.validToDate.toISOString()}: bring a certificate of your own with BERTH_TLS_CERTIFICATE and BERTH_TLS_KEY.`,
    );
  }

  const issueLeaf = () => issue({ kind: 'leaf', authority, key, names, now: now() });
  let leaf = await issueLeaf();
  const pin = publicKeyPin(new X509Certificate(leaf));
  const listeners = changeListeners();
  let renewing = false;

  async function renewWhenDue(): Promise<void> {
    if (renewing || now() < renewalTime(new X509Certificate(leaf))) return;
    renewing = true;
    try {
      leaf = await issueLeaf();
      log.info(
        `The server's certificate was renewed with the same key; it now ends on ${new X509Certificate(leaf).validToDate.toISOString()}.`,
      );
      listeners.call();
    } catch (error) {
      log.warn(
        `The server's certificate could not be renewed (${String(error)}); the next attempt is in an hour.`,
      );
    } finally {
      renewing = false;
    }
  }

  // Every hour rather than once at the end of the term: a machine that slept is late by an hour
  // at most, and no timer lasts longer than 24.8 days.
  const timer = setInterval(() => void renewWhenDue(), HOUR).unref();

  return {
    identity: () => ({ certificate: leaf, key }),
    authority: () => authority.certificate,
    authorityFingerprint: () => authorityCertificate.fingerprint256,
    publicKeyPin: () => pin,
    onChange: listeners.add,
    close: () => clearInterval(timer),
  };
}

function renewalTime(leaf: X509Certificate): number {
  const end = leaf.validToDate.getTime();
  return end - (end - leaf.validFromDate.getTime()) / 3;
}

/** Key and certificate together, so that no crash leaves one without the other. */
function encode(authority: Authority): Uint8Array {
  return Buffer.from(authority.key + authority.certificate);
}

function decodeAuthority(bytes: Uint8Array): Authority {
  const text = Buffer.from(bytes).toString();
  const start = text.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: text.slice(0, start), certificate: text.slice(start) };
}
