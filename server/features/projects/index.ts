export { createMembershipGrants } from './grants-queries.ts';
export { memberWorkloads } from './members-queries.ts';
export { ensureReservedProject } from './project-writes.ts';
export { projectIdOf, projectNameOf } from './queries.ts';
export { authorizeProject } from './resolve.ts';
export { addProjectsRoutes } from './routes.ts';
