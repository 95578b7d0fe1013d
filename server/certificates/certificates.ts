import { createHash, type X509Certificate } from 'node:crypto';
import type { PublicAuthority } from './authority-set.ts';

/** What the server proves itself with, whatever it came from. It may change while the server runs. */
export interface ServerCertificates {
  /** The leaf certificate, followed by the intermediate ones if there are any, and its key: PEM. */
  identity(): ServerIdentity;
  /**
   * PEM of the authority that issued it; undefined where the administrator brought a certificate
   * and named no authority.
   */
  authority(): string | undefined;
  /** SHA-256 of the authority's DER, as `AB:CD:…`; undefined where `authority()` is. */
  authorityFingerprint(): string | undefined;
  /** All that clients are to trust, the one of `authority()` first; empty where that is undefined. */
  authorities(): readonly PublicAuthority[];
  /** Undefined where the authority is not the server's own. */
  readonly rotation: AuthorityRotation | undefined;
  /** `sha256//BASE64` of the leaf's public key, as `curl --pinnedpubkey` takes it. */
  publicKeyPin(): string;
  /** Calls `listener` after each change of `identity()` or `authorities()`; the result ends that. */
  onChange(listener: () => void): () => void;
  close(): void;
}

/**
 * One authority takes over from another: it is announced, then signs, then the one before it goes.
 * Every step throws a `Refusal`, `conflict`, where it is not its turn, and is durable and followed
 * by all processes of the server.
 */
export interface AuthorityRotation {
  announce(): Promise<void>;
  /** Takes an announcement back. */
  cancel(): Promise<void>;
  switchOver(): Promise<void>;
  retire(): Promise<void>;
}

export interface ServerIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Where certificates tell of renewals and troubles. */
export interface CertificateLog {
  info(message: string): void;
  warn(message: string): void;
}

export function publicKeyPin(certificate: X509Certificate): string {
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(publicKey).digest('base64')}`;
}

/** The listeners of one source of certificates. */
export function changeListeners(): {
  add(listener: () => void): () => void;
  call(): void;
} {
  const listeners = new Set<() => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    call() {
      for (const listener of listeners) listener();
    },
  };
}
