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

interface ReplacedSecret {
  readonly name: string;
  readonly expected: Uint8Array;
  readonly sealed: Uint8Array;
}

/** Replaces a secret that is still as the caller read it. */
const replaceSecret: Write<ReplacedSecret, boolean> = {
  name: 'secrets.replace',
  durability: 'durable',
  run: async (transaction, { name, expected, sealed }) => {
    const { numUpdatedRows } = await transaction
      .updateTable('secrets')
      .set({ sealed })
      .where('name', '=', name)
      .where('sealed', '=', expected)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  },
};

/** The writes of this room. */
export const databaseWrites: readonly AnyWrite[] = [keepSecret, replaceSecret];

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
  const sealed =
    (await readSealed(database, name)) ??
    (await database.write(keepSecret, {
      name,
      sealed: seal(key, await create(), sealedSecretContext(name)),
      created_at: Date.now(),
    }));
  return unseal(key, sealed, name);
}

/**
 * Puts `next` in the place of the shared secret `name`, if that is still `expected`.
 * @returns whether it was
 */
export async function replaceSharedSecret(
  database: Database,
  key: Uint8Array,
  name: string,
  { expected, next }: { readonly expected: Uint8Array; readonly next: Uint8Array },
): Promise<boolean> {
  const sealed = await readSealed(database, name);
  if (sealed === undefined) return false;
  if (Buffer.compare(unseal(key, sealed, name), expected) !== 0) return false;
  return database.write(replaceSecret, {
    name,
    expected: sealed,
    sealed: seal(key, next, sealedSecretContext(name)),
  });
}

async function readSealed(database: Database, name: string): Promise<Uint8Array | undefined> {
  const present = await database.read
    .selectFrom('secrets')
    .select('sealed')
    .where('name', '=', name)
    .executeTakeFirst();
  return present?.sealed;
}

/** @throws {Refusal} `unavailable` */
function unseal(key: Uint8Array, sealed: Uint8Array, name: string): Uint8Array {
  try {
    return open(key, sealed, sealedSecretContext(name));
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
