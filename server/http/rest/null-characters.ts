import type { FastifyInstance } from 'fastify';
import { Refusal } from '#lib/errors.ts';

/** PostgreSQL has no U+0000 in its texts, and no name here has one: such requests go no further. */
export function refuseNullCharacters(application: FastifyInstance) {
  application.addHook('preValidation', async ({ url, params, query, body }) => {
    if (url.includes('%00') && (holdsNull(params) || holdsNull(query))) {
      throw new Refusal(
        'invalid',
        "The request's path or query holds the character U+0000 (%00): leave it out.",
      );
    }
    if (holdsNull(body)) {
      throw new Refusal(
        'invalid',
        "The request's body holds a text with the character U+0000: leave it out.",
      );
    }
  });
}

function holdsNull(value: unknown): boolean {
  const rest = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === 'string') {
      if (next.includes('\0')) return true;
    } else if (typeof next === 'object' && next !== null && !Buffer.isBuffer(next)) {
      for (const [key, field] of Object.entries(next)) rest.push(key, field);
    }
  }
  return false;
}
