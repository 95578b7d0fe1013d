import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connectionFailure } from '#oci/client/errors.ts';
import { CommandFailure, reasonOf } from '../failure.ts';

/** Certificate authorities, as they are trusted by their fingerprints: one, mostly. */
export interface Authority {
  /** PEM of exactly those. */
  readonly certificate: string;
  /** SHA-256 of the first, `AB:CD:…`. */
  readonly fingerprint: string;
}

const maximumBytes = 65_536;
const timeout = 15_000;

/**
 * Asks a server for its authority without trusting anything yet: what comes back is worth no more
 * than the comparison of its fingerprint.
 * @param fingerprints the ones it must have; without them, the first certificate is taken
 * @throws {CommandFailure}
 */
export async function fetchAuthority(
  server: string,
  fingerprints?: readonly string[],
): Promise<Authority> {
  const { status, text } = await getUnverified(new URL('/ca.crt', `https://${server}`));
  if (status === 404) {
    throw new CommandFailure(
      `${server} has no authority of its own: it uses a certificate that its administrator brought. Get the authority that issued it, and give the file with --ca-file.`,
    );
  }
  if (status !== 200) {
    throw new CommandFailure(
      `${server} answered with the status ${status} when asked for its authority: check that it is a Berth server.`,
    );
  }
  return chooseAuthority(text, fingerprints, `The authority of ${server}`);
}

/** @throws {CommandFailure} */
export async function readAuthority(
  file: string,
  fingerprints?: readonly string[],
): Promise<Authority> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read: ${reasonOf(error)}.`);
  }
  return chooseAuthority(text, fingerprints, `The certificate in ${file}`);
}

/** Nothing else comes in beside those whose fingerprints are known. */
function chooseAuthority(
  text: string,
  fingerprints: readonly string[] | undefined,
  what: string,
): Authority {
  const authorities = readCertificates(text);
  const [first] = authorities;
  if (first === undefined) {
    throw new CommandFailure(
      `${what} is no PEM certificate: it must begin with -----BEGIN CERTIFICATE-----.`,
    );
  }
  if (fingerprints === undefined) return first;
  const chosen = fingerprints.map((fingerprint) => {
    const found = authorities.find((one) => sameFingerprint(one.fingerprint, fingerprint));
    if (found !== undefined) return found.certificate;
    const has = authorities.map((one) => one.fingerprint).join(' and ');
    throw new CommandFailure(
      `${what} has the fingerprint ${has}, not ${fingerprint.slice(0, 200)}: nothing was changed. Somebody may stand between you and the server, or the fingerprint is that of another server; the server prints its own when it starts.`,
    );
  });
  return { certificate: chosen.join(''), fingerprint: fingerprints[0] ?? first.fingerprint };
}

function readCertificates(text: string): Authority[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      const certificate = new X509Certificate(block);
      return [{ certificate: certificate.toString(), fingerprint: certificate.fingerprint256 }];
    } catch {
      return [];
    }
  });
}

/** Colons, case and a prefix such as `sha256:` do not matter. */
function sameFingerprint(one: string, other: string): boolean {
  const digits = (text: string) =>
    text
      .replace(/^sha-?256[:=]/i, '')
      .replace(/[:\s]/g, '')
      .toLowerCase();
  return digits(one) !== '' && digits(one) === digits(other);
}

function getUnverified(url: URL): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(
        connectionFailure(url.host, error) ??
          new CommandFailure(`${url.host} could not be reached: ${reasonOf(error)}.`),
      );
    const sent = request(url, { rejectUnauthorized: false, timeout, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maximumBytes)
          answer.destroy(new Error('it answered with more than a certificate'));
        else chunks.push(chunk);
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
      answer.on('error', fail);
    });
    sent.on('timeout', () =>
      sent.destroy(new Error(`it did not answer within ${timeout / 1000} seconds`)),
    );
    sent.on('error', fail);
    sent.end();
  });
}
