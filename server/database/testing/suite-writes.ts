import { sql } from 'kysely';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import type { AnyWrite, Transaction, Write } from '../database.ts';
import { forUpdate } from '../locking.ts';
import { databaseWrites } from '../secrets.ts';

/** The secrets table stands for any table that has a unique name and bytes. */
export const addSecret: Write<{ name: string; sealed: Uint8Array }, string> = {
  name: 'suite.add-secret',
  durability: 'durable',
  run: async (transaction, { name, sealed }) => {
    await insertSecret(transaction, name, sealed);
    return name;
  },
};

async function insertSecret(
  transaction: Transaction,
  name: string,
  sealed: Uint8Array = new Uint8Array(),
): Promise<void> {
  await transaction.insertInto('secrets').values({ name, sealed, created_at: 1 }).execute();
}

export const addThenRefuse: Write<{ name: string; kind: RefusalKind; message: string }, void> = {
  name: 'suite.add-then-refuse',
  durability: 'durable',
  run: async (transaction, { name, kind, message }) => {
    await insertSecret(transaction, name);
    throw new Refusal(kind, message);
  },
};

export const addThenRefuseManifest: Write<{ name: string; detail: unknown }, void> = {
  name: 'suite.add-then-refuse-manifest',
  durability: 'durable',
  run: async (transaction, { name, detail }) => {
    await insertSecret(transaction, name);
    throw new OciError('MANIFEST_BLOB_UNKNOWN', 'The layer is missing: push it first.', detail);
  },
};

export const addTwice: Write<{ name: string }, void> = {
  name: 'suite.add-twice',
  durability: 'durable',
  run: async (transaction, { name }) => {
    await insertSecret(transaction, name);
    await insertSecret(transaction, name);
  },
};

/** Reads, then writes what it read: right only where nobody comes between. */
export const countUp: Write<void, number> = {
  name: 'suite.count-up',
  durability: 'durable',
  run: async (transaction) => {
    const row = await forUpdate(
      transaction,
      transaction.selectFrom('generations').select('value').where('name', '=', 'grants'),
    ).executeTakeFirstOrThrow();
    const value = row.value + 1;
    await transaction.updateTable('generations').set({ value }).execute();
    return value;
  },
};

export const addBlob: Write<{ digest: string; key: string; state: 'live' | 'deleting' }, number> = {
  name: 'suite.add-blob',
  durability: 'durable',
  run: async (transaction, { digest, key, state }) => {
    const row = await transaction
      .insertInto('blobs')
      .values({ digest, size: 2 ** 40, storage_key: key, state, created_at: 1 })
      .returning('id')
      .executeTakeFirstOrThrow();
    return row.id;
  },
};

export const removeBlob: Write<{ id: number }, number> = {
  name: 'suite.remove-blob',
  durability: 'durable',
  run: async (transaction, { id }) => {
    const result = await transaction.deleteFrom('blobs').where('id', '=', id).executeTakeFirst();
    return Number(result.numDeletedRows);
  },
};

export const addRepository: Write<{ name: string }, number> = {
  name: 'suite.add-repository',
  durability: 'durable',
  run: async (transaction, { name }) => {
    const times = { created_at: 1, updated_at: 1 };
    const project = await transaction
      .insertInto('projects')
      .values({ name: name.split('/')[0] ?? name, public: 0, owner_id: null, ...times })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ updated_at: 2 }))
      .returning('id')
      .executeTakeFirstOrThrow();
    const repository = await transaction
      .insertInto('repositories')
      .values({ project_id: project.id, name, description: '', ...times })
      .returning('id')
      .executeTakeFirstOrThrow();
    return repository.id;
  },
};

export const removeRepository: Write<{ id: number }, void> = {
  name: 'suite.remove-repository',
  durability: 'durable',
  run: async (transaction, { id }) => {
    await transaction.deleteFrom('repositories').where('id', '=', id).execute();
  },
};

export const addManifest: Write<
  { repository: number; digest: string; bytes: Uint8Array; tags: readonly string[] },
  number
> = {
  name: 'suite.add-manifest',
  durability: 'durable',
  run: async (transaction, { repository, digest, bytes, tags }) => {
    const manifest = await transaction
      .insertInto('manifests')
      .values({
        repository_id: repository,
        digest,
        media_type: 'application/vnd.oci.image.manifest.v1+json',
        artifact_type: null,
        subject_digest: null,
        annotations: '{}',
        bytes,
        size: bytes.length,
        created_at: 1,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    for (const name of tags) {
      await transaction
        .insertInto('tags')
        .values({
          repository_id: repository,
          name,
          manifest_id: manifest.id,
          created_at: 1,
          updated_at: 1,
        })
        .execute();
    }
    return manifest.id;
  },
};

export const addUpload: Write<{ id: string }, void> = {
  name: 'suite.add-upload',
  durability: 'transient',
  run: async (transaction, { id }) => {
    await transaction
      .insertInto('uploads')
      .values({
        id,
        repository: 'library/app',
        storage_key: `uploads/${id}`,
        offset: 0,
        lease_until: 0,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
  },
};

export const becomeNewer: Write<{ durability: 'durable' }, void> = {
  name: 'suite.become-newer',
  durability: 'durable',
  run: async (transaction) => {
    await sql`insert into schema_migrations (version) values (9999)`.execute(transaction);
  },
};

/** Lets a statement run on after the transaction that it belongs to. */
export const leaveStatementBehind: Write<{ name: string }, void> = {
  name: 'suite.leave-statement-behind',
  durability: 'durable',
  run: async (transaction, { name }) => {
    Promise.resolve()
      .then(() => laterInThisTurn(50))
      .then(() => insertSecret(transaction, name))
      .catch(() => {});
  },
};

async function laterInThisTurn(steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) await undefined;
}

/** Not in `writes`. */
export const unregistered: Write<void, void> = {
  name: 'suite.unregistered',
  durability: 'durable',
  run: async () => {},
};

export const writes: readonly AnyWrite[] = [
  ...databaseWrites,
  addSecret,
  addThenRefuse,
  addThenRefuseManifest,
  addTwice,
  countUp,
  addBlob,
  removeBlob,
  addRepository,
  removeRepository,
  addManifest,
  addUpload,
  becomeNewer,
  leaveStatementBehind,
];
