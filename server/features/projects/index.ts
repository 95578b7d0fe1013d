import type { AnyWrite } from '#server/database/database.ts';
import { addMember, changeRole, removeMember } from './member-writes.ts';
import { createProject, deleteProject, updateProject } from './project-writes.ts';
import { describeRepository } from './repository-writes.ts';

export { createMembershipGrants } from './grants-queries.ts';
export { ensureProject } from './project-writes.ts';
export { projectIdOf, projectNameOf } from './queries.ts';
export { authorizeProject, type ResolvedProject } from './resolve.ts';
export { addProjectsRoutes } from './routes.ts';

export const projectWrites: readonly AnyWrite[] = [
  createProject,
  updateProject,
  deleteProject,
  addMember,
  changeRole,
  removeMember,
  describeRepository,
];
