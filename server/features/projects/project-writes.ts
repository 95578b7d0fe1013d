import { isProjectName, nameRules, reservedProject } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import type { Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forUpdate } from '#server/database/locking.ts';
import { reservedName, unknownProject } from './errors.ts';
import { projectIdOf } from './queries.ts';

export interface NewProject {
  readonly name: string;
  readonly public: boolean;
  /** Who becomes its owner and its first admin; null: nobody. */
  readonly ownerId: number | null;
  readonly now: number;
}

/**
 * @returns the new project's id
 * @throws {Refusal} `invalid`, `denied`, `conflict`
 */
export const createProject: Write<NewProject, number> = {
  name: 'projects.create',
  durability: 'durable',
  run: async (transaction, project) => {
    const id = await insertProject(transaction, project);
    if (id === undefined) {
      throw new Refusal(
        'conflict',
        `A project named ${project.name} exists already: choose another name.`,
      );
    }
    return id;
  },
};

/**
 * The id of a project, which is created, private, where it is missing.
 * @throws {Refusal} `invalid`, `denied` where a project of that name cannot be created
 */
export async function ensureProject(
  transaction: Transaction,
  project: { readonly name: string; readonly ownerId: number | null; readonly now: number },
): Promise<number> {
  const { name } = project;
  const existing = await projectIdOf(transaction, name);
  if (existing !== undefined) return existing;
  const created = await insertProject(transaction, { ...project, public: false });
  // Undefined where another transaction was faster.
  const id = created ?? (await projectIdOf(transaction, name));
  if (id === undefined) throw unknownProject(name);
  return id;
}

/** Creates the server's own project, public, where it is missing. */
export const ensureReservedProject: Write<{ readonly now: number }, void> = {
  name: 'projects.ensureReserved',
  durability: 'durable',
  run: async (transaction, { now }) => {
    if ((await projectIdOf(transaction, reservedProject)) !== undefined) return;
    await insertRow(transaction, { name: reservedProject, public: true, ownerId: null, now });
  },
};

/** Undefined where the name is taken. */
async function insertProject(
  transaction: Transaction,
  project: NewProject,
): Promise<number | undefined> {
  const { name } = project;
  if (!isProjectName(name)) {
    throw new Refusal(
      'invalid',
      `A project cannot be named ${quote(name)}: its name must ${nameRules.project}.`,
    );
  }
  if (name === reservedProject) throw reservedName();
  return insertRow(transaction, project);
}

async function insertRow(
  transaction: Transaction,
  { name, public: isPublic, ownerId, now }: NewProject,
): Promise<number | undefined> {
  const row = await transaction
    .insertInto('projects')
    .values({
      name,
      public: isPublic ? 1 : 0,
      owner_id: ownerId,
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (ownerId !== null) {
    await transaction
      .insertInto('project_members')
      .values({
        project_id: row.id,
        kind: 'user',
        user_id: ownerId,
        workload: null,
        role: 'project-admin',
        created_at: now,
      })
      .execute();
  }
  await bumpGrantGeneration(transaction);
  return row.id;
}

export interface ProjectSettings {
  readonly id: number;
  readonly public: boolean;
  readonly now: number;
}

/** @throws {Refusal} `not-found` */
export const updateProject: Write<ProjectSettings, void> = {
  name: 'projects.update',
  durability: 'durable',
  run: async (transaction, { id, public: isPublic, now }) => {
    const { numUpdatedRows } = await transaction
      .updateTable('projects')
      .set({ public: isPublic ? 1 : 0, updated_at: now })
      .where('id', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw unknownProject(String(id));
    await bumpGrantGeneration(transaction);
  },
};

/**
 * Deletes a project that holds no repository, its members and its robots.
 * @throws {Refusal} `not-found`, `denied`, `precondition`
 */
export const deleteProject: Write<{ readonly id: number }, void> = {
  name: 'projects.delete',
  durability: 'durable',
  run: async (transaction, { id }) => {
    const project = await forUpdate(
      transaction,
      transaction.selectFrom('projects').select('name').where('id', '=', id),
    ).executeTakeFirst();
    if (project === undefined) throw unknownProject(String(id));
    if (project.name === reservedProject) throw reservedName();
    const { count } = await transaction
      .selectFrom('repositories')
      .select((part) => part.fn.countAll<number>().as('count'))
      .where('project_id', '=', id)
      .executeTakeFirstOrThrow();
    const repositories = Number(count);
    if (repositories > 0) {
      const held = repositories === 1 ? 'a repository' : `${repositories} repositories`;
      throw new Refusal(
        'precondition',
        `Project ${project.name} still holds ${held}: see them with berth project show ${project.name}, remove each with berth repository remove NAME, then the project.`,
      );
    }
    await transaction.deleteFrom('projects').where('id', '=', id).execute();
    await bumpGrantGeneration(transaction);
  },
};
