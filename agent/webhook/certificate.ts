import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  bits,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octets,
  sequence,
  set,
  text,
  time,
} from './der.ts';

export interface ServingCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface CertificateChoice {
  /** DNS names that it is for. */
  readonly names: readonly [string, ...string[]];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

/**
 * A certificate that vouches for itself (RFC 5280): whoever is told to trust exactly this one needs
 * no authority beside it.
 */
export function createServingCertificate(choice: CertificateChoice): ServingCertificate {
  const { names, notBefore, notAfter } = choice;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [commonName] = names;
  const name = sequence(set(sequence(objectIdentifier('2.5.4.3'), text(commonName))));
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(randomBytes(16)),
    ecdsaWithSha256,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, extensions(names)),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const der = sequence(toBeSigned, ecdsaWithSha256, bits(signature));
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n');
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extensions(names: readonly string[]): Buffer {
  const dnsNames = names.map((name) => implicit(2, Buffer.from(name, 'ascii')));
  return sequence(
    extension('2.5.29.19', sequence(), 'critical'),
    // digitalSignature alone
    extension('2.5.29.15', bits(Buffer.of(0x80), 7), 'critical'),
    // serverAuth
    extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', sequence(...dnsNames)),
  );
}

function extension(identifier: string, value: Uint8Array, critical?: 'critical'): Buffer {
  return sequence(
    objectIdentifier(identifier),
    ...(critical === undefined ? [] : [boolean(true)]),
    octets(value),
  );
}
