import { Refusal } from '#lib/errors.ts';
import { open, SealBroken, seal } from '#lib/sealing.ts';
import type { AnyWrite, Database, Write } from './database.ts';

interface SealedSecret {
  readonly name: string;
  readonly sealed: Uint8Array;
  readonly created_at: number;
}

/** Keeps the first secret of a name, and answers with the one that is kept. */
const keepSecret: Write<SealedSecret, Uint8Array> = {
  name: 'secrets.keep',
  durability: 'durable',
  run: async (transaction, secret) => {
    await transaction
      .insertInto('secrets')
      .values(secret)
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    const kept = await transaction
      .selectFrom('secrets')
      .select('sealed')
      .where('name', '=', secret.name)
      .executeTakeFirstOrThrow();
    return kept.sealed;
  },
};

/** The writes of this room. */
export const databaseWrites: readonly AnyWrite[] = [keepSecret];

/** What the seal of the secret `name` is for. */
export function sealedSecretContext(name: string): string {
  return `berth secret ${name}`;
}

/**
 * The secret `name` that every replica shares: made by whoever asks first, and sealed under `key`
 * (32 bytes) in the database.
 * @throws {Refusal} `unavailable` when it was sealed under another key.
 */
export async function sharedSecret(
  database: Database,
  key: Uint8Array,
  name: string,
  create: () => Uint8Array | Promise<Uint8Array>,
): Promise<Uint8Array> {
  const context = sealedSecretContext(name);
  const present = await database.read
    .selectFrom('secrets')
    .select('sealed')
    .where('name', '=', name)
    .executeTakeFirst();
  const sealed =
    present?.sealed ??
    (await database.write(keepSecret, {
      name,
      sealed: seal(key, await create(), context),
      created_at: Date.now(),
    }));
  try {
    return open(key, sealed, context);
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
    throw new Refusal(
      'unavailable',
      `The secret ${name} in the database was sealed under another key: set BERTH_SECRET_KEY to the key ` +
        'that this database was first started with.',
      { cause: error },
    );
  }
}
