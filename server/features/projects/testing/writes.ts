import type { AnyWrite, Write } from '#server/database/database.ts';
import { databaseWrites } from '#server/database/secrets.ts';
import { ensureProject, projectWrites } from '../writes.ts';

export const addUser: Write<{ username: string; admin: boolean }, number> = {
  name: 'testing.add-user',
  durability: 'durable',
  run: async (transaction, { username, admin }) => {
    const row = await transaction
      .insertInto('users')
      .values({
        username,
        email: null,
        realname: '',
        comment: '',
        password_hash: null,
        credential_generation: 1,
        admin: admin ? 1 : 0,
        created_at: 1,
        updated_at: 1,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return row.id;
  },
};

/** A repository with a tagged index of two manifests and one untagged manifest. */
export const addRepository: Write<{ name: string; projectId: number }, number> = {
  name: 'testing.add-repository',
  durability: 'durable',
  run: async (transaction, { name, projectId }) => {
    const { id } = await transaction
      .insertInto('repositories')
      .values({ project_id: projectId, name, description: '', created_at: 1, updated_at: 1 })
      .returning('id')
      .executeTakeFirstOrThrow();
    const manifests = ['index', 'one', 'two', 'untagged'].map((digest) => ({
      repository_id: id,
      digest,
      media_type: 'application/json',
      artifact_type: null,
      subject_digest: null,
      annotations: '{}',
      bytes: new Uint8Array(),
      size: 0,
      created_at: 1,
    }));
    const [index] = await transaction
      .insertInto('manifests')
      .values(manifests)
      .returning('id')
      .execute();
    if (index === undefined) throw new Error('No manifest was inserted');
    const child = {
      manifest_id: index.id,
      repository_id: id,
      kind: 'child',
      media_type: 'text/plain',
      size: 0,
    } as const;
    await transaction
      .insertInto('manifest_refs')
      .values([
        { ...child, position: 0, digest: 'one' },
        { ...child, position: 1, digest: 'two' },
      ])
      .execute();
    await transaction
      .insertInto('tags')
      .values({
        repository_id: id,
        name: 'v1',
        manifest_id: index.id,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
    return id;
  },
};

export const removeRepository: Write<{ id: number }, void> = {
  name: 'testing.remove-repository',
  durability: 'durable',
  run: async (transaction, { id }) => {
    await transaction.deleteFrom('repositories').where('id', '=', id).execute();
  },
};

export const ensure: Write<{ name: string; ownerId: number | null }, number> = {
  name: 'testing.ensure-project',
  durability: 'durable',
  run: (transaction, { name, ownerId }) => ensureProject(transaction, { name, ownerId, now: 1 }),
};

export const writes: readonly AnyWrite[] = [
  ...databaseWrites,
  ...projectWrites,
  addUser,
  addRepository,
  removeRepository,
  ensure,
];
