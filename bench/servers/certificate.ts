import { join } from 'node:path';
import { succeed } from '#test/processes.ts';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** On the curve that Berth's own certificates have. */
export async function makeCertificate(folder: string): Promise<CertificateFiles> {
  const certificate = join(folder, 'certificate.pem');
  const key = join(folder, 'key.pem');
  await succeed('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-days', '2', '-keyout', key, '-out', certificate],
  ]);
  return { certificate, key };
}
