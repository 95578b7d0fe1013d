import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { addMemberRoutes } from './member-routes.ts';
import { addProjectRoutes } from './project-routes.ts';
import { addRepositoryRoutes } from './repository-routes.ts';

/** Everything below `/projects` that a project itself answers for. */
export function addProjectsRoutes(application: RestApplication, database: Database) {
  addProjectRoutes(application, database);
  addMemberRoutes(application, database);
  addRepositoryRoutes(application, database);
}
