import { Refusal } from '#lib/errors.ts';

/**
 * The token that an Authorization header brings.
 * @throws {Refusal} `unauthenticated`
 */
export function bearerOf(authorization: string | undefined): string {
  const [, token] = /^Bearer +(\S{1,512})$/i.exec(authorization ?? '') ?? [];
  if (token !== undefined) return token;
  throw new Refusal(
    'unauthenticated',
    'The request brings no token: send it as "Authorization: Bearer TOKEN".',
  );
}
