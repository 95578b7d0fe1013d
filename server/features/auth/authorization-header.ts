import { Refusal } from '#lib/errors.ts';

/** What an Authorization header holds. */
export type Authorization =
  | { readonly scheme: 'basic'; readonly username: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string };

const maximumHeaderLength = 16 * 1024 + 'Bearer '.length;

/** @throws {Refusal} `unauthenticated` */
export function parseAuthorization(header: string): Authorization {
  if (header.length > maximumHeaderLength) {
    throw refused('The Authorization header is longer than any that this registry takes.');
  }
  const space = header.indexOf(' ');
  const scheme = (space < 0 ? header : header.slice(0, space)).toLowerCase();
  const value = space < 0 ? '' : header.slice(space + 1).trim();
  if (scheme === 'bearer') {
    if (value === '') throw refused('The Authorization header says Bearer but brings no token.');
    return { scheme: 'bearer', token: value };
  }
  if (scheme === 'basic') return parseBasic(value);
  throw refused(
    'The Authorization header is of a kind that is not read here: use Basic or Bearer.',
  );
}

/** RFC 7617. */
function parseBasic(value: string): Authorization {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) throw unreadable();
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  // Forbidden by the RFC, and no text of PostgreSQL.
  if (colon < 0 || pair.includes('\0')) throw unreadable();
  return { scheme: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function unreadable(): Refusal {
  return refused('The Basic credentials cannot be read: send name:password in base64.');
}

function refused(message: string): Refusal {
  return new Refusal('unauthenticated', message);
}
