import 'reflect-metadata';
import { createPrivateKey, createPublicKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { ServedNames } from './names.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AUTHORITY_LIFE = 3650 * DAY;
/** Apple's clients refuse leaves that live longer than 398 days. */
const LEAF_LIFE = 364 * DAY;
/** Machines with a clock that is late accept a fresh certificate nevertheless. */
const CLOCK_SKEW = HOUR;
/** RFC 5280 appendix A.1, ub-common-name. */
const MAXIMUM_COMMON_NAME = 64;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate authority: its certificate and its private key, both PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

export async function createAuthority(now: number): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [`Berth CA ${randomBytes(4).toString('hex')}`] }],
      serialNumber: serialNumber(),
      notBefore: wholeSecond(now - CLOCK_SKEW),
      notAfter: wholeSecond(now + AUTHORITY_LIFE),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), key: privateKeyPem(keys.privateKey) };
}

/** A new private key for leaves, PEM. */
export async function createLeafKey(): Promise<string> {
  return privateKeyPem((await generateKeys()).privateKey);
}

/** A server certificate for `names`, PEM. It never outlives its authority. */
export async function issueLeaf(
  authority: Authority,
  leafKey: string,
  names: ServedNames,
  now: number,
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const publicKey = createPublicKey(leafKey).toCryptoKey(ALGORITHM, true, ['verify']);
  const commonName = names.dnsNames.find((name) => name.length <= MAXIMUM_COMMON_NAME) ?? 'Berth';
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: [{ CN: [commonName] }],
      issuer: issuer.subjectName,
      serialNumber: serialNumber(),
      notBefore: wholeSecond(now - CLOCK_SKEW),
      notAfter: wholeSecond(Math.min(now + LEAF_LIFE, issuer.notAfter.getTime())),
      signingAlgorithm: ALGORITHM,
      signingKey: createPrivateKey(authority.key).toCryptoKey(ALGORITHM, false, ['sign']),
      publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...names.dnsNames.map((value) => ({ type: 'dns' as const, value })),
          ...names.addresses.map((value) => ({ type: 'ip' as const, value })),
        ]),
        await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return pem(certificate);
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** 126 random bits behind a leading 01: positive, and as long as every other serial number. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
