import type { IncomingMessage } from 'node:http';
import { Refusal, type RefusalKind } from '#lib/errors.ts';

const maximumBody = 64 * 1024;

/** The body of an answer, as far as one of these may be long. */
export async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBody) {
      response.destroy();
      throw new Refusal('unavailable', 'What answers there is no Berth: its answer is too long.');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const kinds: Readonly<Record<number, RefusalKind>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'denied',
  404: 'not-found',
  409: 'conflict',
  429: 'too-many-requests',
};

/** What the registry refused, in its own words. */
export async function refusalOf(response: IncomingMessage, address: string): Promise<Refusal> {
  const { statusCode = 0 } = response;
  const kind = kinds[statusCode] ?? 'unavailable';
  const message = messageOf(await bodyOf(response).catch(() => ''));
  return new Refusal(kind, message ?? `${address} answered ${statusCode}, and not as Berth does.`);
}

function messageOf(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: { message?: unknown }[] };
    const message = errors?.[0]?.message;
    return typeof message === 'string' && message !== '' ? message.slice(0, 2_048) : undefined;
  } catch {
    return undefined;
  }
}

/** A failure to reach the registry, with what may cure it. */
export function unreachable(address: string, error: Error): Refusal {
  if (error instanceof Refusal) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return new Refusal(
    'unavailable',
    `${address} cannot be reached: ${error.message || code}. ${cureOf(code)}`,
    { cause: error },
  );
}

function cureOf(code: string): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'The name does not resolve inside this cluster: add it to its DNS, or name an address with `berth cluster set CLUSTER --address https://HOST:PORT`.';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'Its certificate is signed by an authority that this cluster was not given: run the command of `berth cluster connect` again.';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'Its certificate does not cover that name: add it to BERTH_NAMES on the server.';
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return "Compare this node's clock with the server's.";
    default:
      return 'Check that the server runs and that no firewall or network policy stands between it and this cluster.';
  }
}
