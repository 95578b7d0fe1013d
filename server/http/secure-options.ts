import tls from 'node:tls';
import type { ServerCertificates } from '#server/certificates/certificates.ts';

/** The shorter key first: as safe, and fewer rounds for each block of a blob at both ends. */
const ciphers = ['TLS_AES_128_GCM_SHA256', ...tls.DEFAULT_CIPHERS.split(':')]
  .filter((cipher, index, all) => all.indexOf(cipher) === index)
  .join(':');

export function secureOptions(certificates: ServerCertificates): tls.SecureContextOptions {
  const { certificate, key } = certificates.identity();
  return { cert: certificate, key, minVersion: 'TLSv1.2', ciphers };
}
