import { systemErrorCode } from '#lib/errors.ts';

/** Why a registry could not be reached, or what it answered. */
export type RegistryFailureReason =
  | 'host-unknown'
  | 'connection-refused'
  | 'connection-lost'
  | 'timeout'
  | 'certificate-untrusted'
  | 'certificate-name'
  | 'certificate-expired'
  | 'not-tls'
  | 'unauthorized'
  | 'denied'
  | 'not-found'
  | 'too-many-requests'
  | 'refused'
  | 'server-failed'
  | 'answer-invalid';

export interface RegistryFailureDetails {
  /** The HTTP status, when the registry answered. */
  readonly status?: number;
  /** The registry's own code, such as MANIFEST_UNKNOWN, when it gave one. */
  readonly code?: string;
  readonly cause?: unknown;
}

/** A request to a registry that failed. The message is the registry's own sentence where it gave one. */
export class RegistryFailure extends Error {
  readonly reason: RegistryFailureReason;
  readonly status: number | undefined;
  readonly code: string | undefined;

  constructor(
    reason: RegistryFailureReason,
    message: string,
    { status, code, cause }: RegistryFailureDetails = {},
  ) {
    super(message, { cause });
    this.name = 'RegistryFailure';
    this.reason = reason;
    this.status = status;
    this.code = code;
  }
}

const connectionReasons: ReadonlyMap<string, readonly [RegistryFailureReason, sentence: string]> =
  new Map([
    ['ENOTFOUND', ['host-unknown', 'its name is not known to DNS']],
    ['EAI_AGAIN', ['host-unknown', 'DNS did not answer']],
    ['ECONNREFUSED', ['connection-refused', 'nothing listens there']],
    ['ECONNRESET', ['connection-lost', 'the connection was closed']],
    ['EPIPE', ['connection-lost', 'the connection was closed']],
    ['EHOSTUNREACH', ['connection-lost', 'there is no route to it']],
    ['ENETUNREACH', ['connection-lost', 'there is no route to it']],
    ['ETIMEDOUT', ['timeout', 'it did not answer in time']],
    ['EPROTO', ['not-tls', 'it does not speak TLS']],
    ['ERR_SSL_WRONG_VERSION_NUMBER', ['not-tls', 'it does not speak TLS']],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', ['not-tls', 'it does not speak TLS']],
    ['CERT_HAS_EXPIRED', ['certificate-expired', 'its certificate has expired']],
    ['ERR_TLS_CERT_ALTNAME_INVALID', ['certificate-name', 'its certificate is for other names']],
    ...[
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_SIGNATURE_FAILURE',
    ].map((code): [string, [RegistryFailureReason, string]] => [
      code,
      ['certificate-untrusted', 'its certificate comes from an authority that is not trusted here'],
    ]),
  ]);

/** The failure that a broken connection to `host` means; undefined for errors of other kinds. */
export function connectionFailure(host: string, error: unknown): RegistryFailure | undefined {
  const code = systemErrorCode(error);
  const known = code === undefined ? undefined : connectionReasons.get(code);
  if (known === undefined) return undefined;
  const [reason, sentence] = known;
  return new RegistryFailure(reason, `${host} could not be reached: ${sentence}.`, {
    cause: error,
  });
}
