import { Refusal, systemErrorCode } from '#lib/errors.ts';

const sqliteFull = 13;

/** Runs work that fills `folder`, and says a failure to do so as a sentence for the operator. */
export async function writingTo<Result>(
  folder: string,
  whatRemains: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new Refusal(reason.kind, `${reason.sentence(folder)} ${whatRemains}`, { cause: error });
  }
}

interface Reason {
  readonly kind: 'no-space' | 'denied';
  readonly sentence: (folder: string) => string;
}

const full: Reason = {
  kind: 'no-space',
  sentence: (folder) =>
    `The disk of ${folder} is full: free some space or name a folder on a larger one, then run the command again.`,
};

const forbidden: Reason = {
  kind: 'denied',
  sentence: (folder) =>
    `${folder} cannot be written: run the command as its owner, or name another folder.`,
};

function reasonOf(error: unknown): Reason | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = systemErrorCode(cause);
    if (code === 'ENOSPC' || code === 'EDQUOT') return full;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return forbidden;
    if ('errcode' in cause && cause.errcode === sqliteFull) return full;
    if (cause instanceof Refusal) return undefined;
  }
  return undefined;
}
