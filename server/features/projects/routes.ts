import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { addMemberRoutes, type WarningOfWorkload } from './member-routes.ts';
import { addProjectRoutes } from './project-routes.ts';
import { addRepositoryRoutes } from './repository-routes.ts';

/**
 * Everything below `/projects` that a project itself answers for.
 * @param warningOf none by default
 */
export function addProjectsRoutes(
  application: RestApplication,
  database: Database,
  warningOf?: WarningOfWorkload,
) {
  addProjectRoutes(application, database);
  addMemberRoutes(application, database, warningOf);
  addRepositoryRoutes(application, database);
}
