import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { systemErrorCode } from '#lib/errors.ts';
import { type PublicAuthority, trustBundle } from './authority-set.ts';
import {
  type CertificateLog,
  changeListeners,
  publicKeyPin,
  type ServerCertificates,
  type ServerIdentity,
} from './certificates.ts';

const CERTIFICATE_SETTING = 'BERTH_TLS_CERTIFICATE';
const KEY_SETTING = 'BERTH_TLS_KEY';
const AUTHORITY_SETTING = 'BERTH_TLS_AUTHORITY';
const MAXIMUM_FILE_BYTES = 1024 * 1024;
/** A writer that replaces both files is mostly done with the second one by then. */
const SETTLE_MILLISECONDS = 200;
/** For file systems that tell of no change: network shares, some container mounts. */
const CHECK_MILLISECONDS = 60_000;

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** What clients are to trust; undefined where they do so anyway. */
  readonly authorityFile?: string | undefined;
}

interface LoadedPair {
  readonly identity: ServerIdentity;
  readonly leaf: X509Certificate;
  readonly authorities: readonly PublicAuthority[];
}

/**
 * A certificate that the administrator keeps in files, read again whenever they change. A pair
 * that cannot be used is reported, and the one before it stays in service.
 * @throws {Error} when the files hold no usable pair at the start.
 */
export async function certificatesFromFiles(
  files: CertificateFiles,
  log: CertificateLog,
  now: () => number = Date.now,
): Promise<ServerCertificates> {
  let { identity, leaf, authorities } = await loadPair(files, now());
  let lastProblem: string | undefined;
  let closed = false;
  let settling: NodeJS.Timeout | undefined;
  let reload: Promise<void> = Promise.resolve();
  const listeners = changeListeners();

  async function reloadIfChanged(): Promise<void> {
    try {
      const loaded = await loadPair(files, now());
      if (closed) return;
      lastProblem = undefined;
      if (
        loaded.identity.certificate === identity.certificate &&
        loaded.identity.key === identity.key &&
        trustBundle(loaded.authorities) === trustBundle(authorities)
      ) {
        return;
      }
      ({ identity, leaf, authorities } = loaded);
      log.info(
        `The server's certificate was read again from ${files.certificateFile}; it ends on ${leaf.validToDate.toISOString()}.`,
      );
      listeners.call();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (closed || problem === lastProblem) return;
      lastProblem = problem;
      log.warn(`The certificate in service stays, because the new one cannot be used. ${problem}`);
    }
  }

  // One after the other: an older reading never replaces a younger one.
  const check = (): void => {
    reload = reload.then(reloadIfChanged);
  };
  const settle = (): void => {
    clearTimeout(settling);
    settling = setTimeout(check, SETTLE_MILLISECONDS).unref();
  };
  const watchers = watchFolders(files, settle, log);
  const timer = setInterval(check, CHECK_MILLISECONDS).unref();

  return {
    identity: () => identity,
    authority: () => authorities[0]?.certificate,
    authorityFingerprint: () => authorities[0]?.fingerprint,
    authorities: () => authorities,
    rotation: undefined,
    publicKeyPin: () => publicKeyPin(leaf),
    onChange: listeners.add,
    close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(settling);
      for (const watcher of watchers) watcher.close();
    },
  };
}

/**
 * Folders, not files: Kubernetes swaps a symbolic link in the folder of a mounted secret, and
 * other writers rename a new file over the old one; a watched file would tell of neither.
 */
function watchFolders(
  files: CertificateFiles,
  changed: () => void,
  log: CertificateLog,
): FSWatcher[] {
  const folders = new Set(
    [files.certificateFile, files.keyFile, files.authorityFile ?? files.keyFile].map(dirname),
  );
  return [...folders].flatMap((folder) => {
    const unwatched = (error: unknown): void =>
      log.warn(
        `${folder} cannot be watched (${String(error)}), so a new certificate in it is seen within a minute instead of at once.`,
      );
    try {
      return [watch(folder, { persistent: false }, changed).on('error', unwatched)];
    } catch (error) {
      unwatched(error);
      return [];
    }
  });
}

async function loadPair(files: CertificateFiles, now: number): Promise<LoadedPair> {
  const certificate = await readFile(CERTIFICATE_SETTING, files.certificateFile);
  const key = await readFile(KEY_SETTING, files.keyFile);
  const chain = parseCertificates(CERTIFICATE_SETTING, files.certificateFile, certificate);
  const privateKey = parseKey(files.keyFile, key);

  const [leaf] = chain;
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error(
      chain.some((other) => other.checkPrivateKey(privateKey))
        ? `${CERTIFICATE_SETTING} (${files.certificateFile}) lists another certificate before the server's own: put the one that belongs to ${files.keyFile} first, then the intermediate ones.`
        : `The key in ${KEY_SETTING} (${files.keyFile}) does not belong to the certificate in ${CERTIFICATE_SETTING} (${files.certificateFile}): name the two files that were issued together.`,
    );
  }
  if (leaf.validToDate.getTime() <= now) {
    throw new Error(
      `The certificate in ${CERTIFICATE_SETTING} (${files.certificateFile}) expired on ${leaf.validToDate.toISOString()}: renew it, or remove ${CERTIFICATE_SETTING} and ${KEY_SETTING} so that the server issues its own.`,
    );
  }
  try {
    createSecureContext({ cert: certificate, key });
  } catch (error) {
    throw new Error(
      `The certificate in ${CERTIFICATE_SETTING} (${files.certificateFile}) cannot be used for TLS (${error instanceof Error ? error.message : error}): issue another one, for example with a P-256 or a 2048-bit RSA key.`,
      { cause: error },
    );
  }
  const authorities =
    files.authorityFile === undefined ? [] : await loadAuthorities(files.authorityFile, chain);
  return { identity: { certificate, key }, leaf, authorities };
}

/** The one that issued the chain first, though others may stand before it in the file. */
async function loadAuthorities(
  path: string,
  chain: readonly X509Certificate[],
): Promise<readonly PublicAuthority[]> {
  const found = parseCertificates(AUTHORITY_SETTING, path, await readFile(AUTHORITY_SETTING, path));
  const last = chain.at(-1);
  const issuer = found.find(
    (one) =>
      last?.fingerprint256 === one.fingerprint256 ||
      (last?.checkIssued(one) && last.verify(one.publicKey)),
  );
  if (issuer === undefined) {
    throw new Error(
      `${AUTHORITY_SETTING} names ${path}, in which no certificate issued the one in ${CERTIFICATE_SETTING}: name the file of the authority that did, and list intermediate certificates behind the server's own.`,
    );
  }
  return [issuer, ...found.filter((one) => one !== issuer)].map((one) => ({
    role: 'signing',
    certificate: one.toString(),
    fingerprint: one.fingerprint256,
  }));
}

async function readFile(setting: string, path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > MAXIMUM_FILE_BYTES) {
      throw new Error(`it is larger than ${MAXIMUM_FILE_BYTES} bytes`);
    }
    return await file.readFile('utf8');
  } catch (error) {
    const reason =
      systemErrorCode(error) === 'ENOENT'
        ? 'there is no such file'
        : error instanceof Error
          ? error.message
          : String(error);
    throw new Error(
      `${setting} names ${path}, which cannot be read (${reason}): name a PEM file that the server's user may read.`,
      { cause: error },
    );
  }
}

function parseCertificates(
  setting: string,
  path: string,
  text: string,
): [X509Certificate, ...X509Certificate[]] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const [leaf, ...others] = blocks.map((block) => new X509Certificate(block));
    if (leaf !== undefined) return [leaf, ...others];
  } catch (error) {
    throw new Error(
      `${setting} names ${path}, in which a certificate is damaged: write the file again from where it was issued.`,
      { cause: error },
    );
  }
  throw new Error(
    `${setting} names ${path}, which holds no certificate in PEM form ("-----BEGIN CERTIFICATE-----"): convert it, for example with openssl x509 -inform der -in FILE -out FILE.pem.`,
  );
}

function parseKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Error(
      `${KEY_SETTING} names ${path}, which holds no private key in PEM form without a passphrase: remove the passphrase with openssl pkey -in FILE -out FILE.`,
      { cause: error },
    );
  }
}
