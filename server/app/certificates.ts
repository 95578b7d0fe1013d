import type { ServerCertificates } from '#server/certificates/certificates.ts';
import { certificatesFromFiles } from '#server/certificates/files.ts';
import type { ServedNames } from '#server/certificates/names.ts';
import { ownCertificates } from '#server/certificates/own-authority.ts';
import type { Config } from '#server/config/config.ts';
import type { Log } from '#server/telemetry/log.ts';
import type { Storage } from './storage.ts';

/** Those of the administrator's files, or of the server's own authority. */
export function openCertificates(
  config: Config,
  served: ServedNames,
  { sharedSecret, replaceSharedSecret }: Storage,
  log: Log,
): Promise<ServerCertificates> {
  const certificateLog = {
    info: (message: string) => log.info(message),
    warn: (message: string) => log.warn(message),
  };
  const { tlsFiles } = config;
  return tlsFiles === undefined
    ? ownCertificates(served, { keep: sharedSecret, replace: replaceSharedSecret }, certificateLog)
    : certificatesFromFiles(
        {
          certificateFile: tlsFiles.certificate,
          keyFile: tlsFiles.key,
          authorityFile: tlsFiles.authority,
        },
        certificateLog,
      );
}
