import { isJsonObject } from '../json.ts';
import { RegistryFailure, type RegistryFailureReason } from './errors.ts';
import { type Answer, readAnswer } from './transport.ts';

const maximumErrorBytes = 65_536;
const maximumSentenceLength = 2048;

/** Reads an answer that is no success into the failure it means. */
export async function failureOf(answer: Answer, host: string): Promise<RegistryFailure> {
  const status = answer.statusCode;
  const { code, message } = await readErrors(answer, host);
  return new RegistryFailure(
    reasonOf(status),
    message ??
      `${host} answered with the status ${status}${code === undefined ? '' : ` (${code})`}.`,
    { status, ...(code === undefined ? {} : { code }) },
  );
}

function reasonOf(status: number): RegistryFailureReason {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'denied';
  if (status === 404) return 'not-found';
  if (status === 429) return 'too-many-requests';
  if (status >= 500) return 'server-failed';
  return status >= 400 ? 'refused' : 'answer-invalid';
}

interface ServerError {
  readonly code?: string;
  readonly message?: string;
}

/** The first of the `errors` of the distribution specification; nothing when there is none. */
async function readErrors(answer: Answer, host: string): Promise<ServerError> {
  try {
    const body: unknown = JSON.parse(
      (await readAnswer(answer, host, maximumErrorBytes)).toString(),
    );
    const errors = isJsonObject(body) && Array.isArray(body.errors) ? body.errors : [];
    const first: unknown = errors[0];
    if (!isJsonObject(first)) return {};
    const { code, message } = first;
    return {
      ...(typeof code === 'string' ? { code: code.slice(0, 64) } : {}),
      ...(typeof message === 'string' && message !== ''
        ? { message: message.slice(0, maximumSentenceLength) }
        : {}),
    };
  } catch {
    return {};
  }
}
