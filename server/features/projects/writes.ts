import type { AnyWrite } from '#server/database/database.ts';
import { addMember, changeRole, removeMember } from './member-writes.ts';
import {
  createProject,
  deleteProject,
  ensureReservedProject,
  updateProject,
} from './project-writes.ts';
import { deleteRepository, describeRepository } from './repository-writes.ts';

export { ensureProject } from './project-writes.ts';
export { projectIdOf } from './queries.ts';

export const projectWrites: readonly AnyWrite[] = [
  createProject,
  ensureReservedProject,
  updateProject,
  deleteProject,
  addMember,
  changeRole,
  removeMember,
  describeRepository,
  deleteRepository,
];
