import { randomUUID } from 'node:crypto';

/** The id that a caller gave its request, where it is fit for a log; else a new one. */
export function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID();
}
