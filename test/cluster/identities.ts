import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** The cluster's own authority: it vouches for its API server and for all who speak to it. */
export interface ClusterAuthority {
  readonly certificate: string;
  server(names: JsonGeneralNames): Promise<KeyPair>;
  /** Kubernetes reads the user from the common name and the groups from the organizations. */
  client(user: string, ...groups: readonly string[]): Promise<KeyPair>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hour = 3_600_000;

export async function createClusterAuthority(): Promise<ClusterAuthority> {
  const keys = await newKeys();
  const name = [{ CN: ['berth-test-cluster'] }];
  const root = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    ...validity(),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });

  async function issue(
    subject: Record<string, string[]>[],
    usage: ExtendedKeyUsage,
    names: JsonGeneralNames,
  ): Promise<KeyPair> {
    const own = await newKeys();
    const certificate: X509Certificate = await X509CertificateGenerator.create({
      subject,
      issuer: root.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      ...validity(),
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false),
        new ExtendedKeyUsageExtension([usage]),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        await AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return { certificate: certificate.toString('pem'), key: await privateKeyText(own) };
  }

  return {
    certificate: root.toString('pem'),
    server: (names) => issue([{ CN: ['kube-apiserver'] }], ExtendedKeyUsage.serverAuth, names),
    client: (user, ...groups) =>
      issue(
        [{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))],
        ExtendedKeyUsage.clientAuth,
        [],
      ),
  };
}

/** Keys that sign and verify ServiceAccount tokens. */
export async function createSigningKeys(): Promise<{ publicKey: string; privateKey: string }> {
  const keys = await newKeys();
  const publicKey = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  return {
    publicKey: PemConverter.encode(publicKey, 'PUBLIC KEY'),
    privateKey: await privateKeyText(keys),
  };
}

export function kubeconfig(server: string, authority: string, identity: KeyPair): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'berth', cluster: { server, 'certificate-authority-data': base64(authority) } },
    ],
    users: [
      {
        name: 'berth',
        user: {
          'client-certificate-data': base64(identity.certificate),
          'client-key-data': base64(identity.key),
        },
      },
    ],
    contexts: [{ name: 'berth', context: { cluster: 'berth', user: 'berth' } }],
    'current-context': 'berth',
  });
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privateKeyText({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + 48 * hour) };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
