import { createHash, type X509Certificate } from 'node:crypto';

/** What the server proves itself with, whatever it came from. It may change while the server runs. */
export interface ServerCertificates {
  /** The leaf certificate, followed by the intermediate ones if there are any, and its key: PEM. */
  identity(): ServerIdentity;
  /** PEM of the authority that clients must trust; undefined where the administrator brought one. */
  authority(): string | undefined;
  /** SHA-256 of the authority's DER, as `AB:CD:…`; undefined where `authority()` is. */
  authorityFingerprint(): string | undefined;
  /** `sha256//BASE64` of the leaf's public key, as `curl --pinnedpubkey` takes it. */
  publicKeyPin(): string;
  /** Calls `listener` after each change of `identity()`; the result ends that. */
  onChange(listener: () => void): () => void;
  close(): void;
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
