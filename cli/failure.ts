import { systemErrorCode } from '#lib/errors.ts';

/** What was asked for could not be done. The message is a sentence with its cure. Exit code 1. */
export class CommandFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
  }
}

/** The command's answer has said already what is not in order. Exit code 1. */
export class AnsweredFailure extends Error {}

/** The command was not given what it needs. Exit code 2. */
export class UsageFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageFailure';
  }
}

/** What the server answered instead of doing what it was asked. */
export class ApiFailure extends CommandFailure {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
  }
}

const systemErrors: Readonly<Record<string, string>> = {
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  ENOSPC: 'the disk is full',
  EROFS: 'it is on a file system that cannot be written to',
};

/** What a system error says, to be put behind a path and a colon. */
export function reasonOf(error: unknown): string {
  const code = systemErrorCode(error);
  const known = code === undefined ? undefined : systemErrors[code];
  return known ?? (error instanceof Error ? error.message : String(error));
}
