import { X509Certificate } from 'node:crypto';
import type { ServerCertificates } from '#server/certificates/certificates.ts';

/** A certificate that clients have to accept. Times are milliseconds since 1970. */
export interface CertificateTerm {
  /** `leaf`: the one of the server; `authority`: the one that issued it here. */
  readonly certificate: 'leaf' | 'authority';
  readonly fingerprint: string;
  readonly beginsAt: number;
  readonly endsAt: number;
}

/** Reads the terms of what is in service at the moment of the call. */
export function createCertificateTerms(
  certificates: Pick<ServerCertificates, 'identity' | 'authority'>,
): () => readonly CertificateTerm[] {
  const read = new Map<CertificateTerm['certificate'], { pem: string; term: CertificateTerm }>();

  function termOf(certificate: CertificateTerm['certificate'], pem: string): CertificateTerm {
    const known = read.get(certificate);
    if (known?.pem === pem) return known.term;
    const { fingerprint256, validFromDate, validToDate } = new X509Certificate(pem);
    const term: CertificateTerm = {
      certificate,
      fingerprint: fingerprint256,
      beginsAt: validFromDate.getTime(),
      endsAt: validToDate.getTime(),
    };
    read.set(certificate, { pem, term });
    return term;
  }

  return () => {
    const authority = certificates.authority();
    return [
      termOf('leaf', certificates.identity().certificate),
      ...(authority === undefined ? [] : [termOf('authority', authority)]),
    ];
  };
}
