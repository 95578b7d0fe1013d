import { randomBytes } from 'node:crypto';

const thisProcess = randomBytes(4).toString('hex');
let named = 0;

/** The id that a caller gave its request, where it is fit for a log; else a new one. */
export function requestId(given: string | string[] | undefined): string {
  if (typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given)) return given;
  named += 1;
  return `${thisProcess}-${named.toString(36)}`;
}
