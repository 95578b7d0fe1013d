import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { quote } from '#lib/quote.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import { canonicalHost, type ServedNames } from '#server/certificates/names.ts';
import { invalid } from './errors.ts';

/**
 * Where nodes reach the registry, each as `https://host[:port]`. The server must answer to each, and
 * its certificate must name it: nodes would refuse it otherwise.
 * @throws {Refusal} `invalid`
 */
export function checkAddresses(
  addresses: readonly string[],
  options: { readonly certificates: ServerCertificates; readonly served: ServedNames },
): string[] {
  return [...new Set(addresses.map((address) => checkAddress(address, options)))];
}

function checkAddress(
  address: string,
  { certificates, served }: { certificates: ServerCertificates; served: ServedNames },
): string {
  const url = URL.parse(address);
  const host = url === null ? undefined : canonicalHost(url.hostname);
  if (url === null || host === undefined || url.protocol !== 'https:') {
    throw invalid(
      `The address ${quote(address)} is none that nodes can use: write https://HOST or https://HOST:PORT.`,
    );
  }
  const hasMore = url.pathname !== '/' || url.search !== '' || url.hash !== '';
  if (hasMore || url.username !== '' || url.password !== '') {
    throw invalid(
      `The address ${quote(address)} has more than a host and a port: write ${url.origin}.`,
    );
  }
  if (!served.dnsNames.includes(host) && !served.addresses.includes(host)) {
    throw invalid(
      `This server does not answer to ${host}: add it to BERTH_NAMES, start the server again, and set the address then.`,
    );
  }
  const certificate = new X509Certificate(certificates.identity().certificate);
  const isNamed =
    isIP(host) === 0
      ? certificate.checkHost(host, { subject: 'never' }) !== undefined
      : certificate.checkIP(host) !== undefined;
  if (!isNamed) {
    throw invalid(
      `The server's certificate does not name ${host}, so nodes would refuse it: bring one that does (BERTH_TLS_CERTIFICATE), or use one of the names that it has.`,
    );
  }
  return url.origin;
}
