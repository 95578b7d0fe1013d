import { trustBundle } from '#server/certificates/authority-set.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';

/** PEM of all that machines are to trust; undefined where they trust the server anyway. */
export function authoritiesOf(certificates: ServerCertificates): string | undefined {
  const bundle = trustBundle(certificates.authorities());
  return bundle === '' ? undefined : bundle;
}
