import type { RobotCreation } from '#contract/robots.ts';
import type { Term } from '#server/http/rest/index.ts';
import { invalid } from './errors.ts';
import { projectsIn } from './permissions.ts';

/** @throws {Refusal} `invalid` */
export function checkDuration(days: number): number {
  if (days !== 0) return days;
  throw invalid('A robot lives for at least one day: send days, or -1 for one that never expires.');
}

/** @throws {Refusal} `invalid` unless all permissions are of one project */
export function onlyProject(permissions: RobotCreation['permissions']): string {
  const [project, another] = projectsIn(permissions);
  const projectsOnly = permissions.every(
    ({ kind, namespace }) => kind === 'project' && namespace !== '*',
  );
  if (project !== undefined && another === undefined && projectsOnly) return project;
  throw invalid(
    'A robot of level project has permissions of kind project in the namespace of one project: name that project, or use level system.',
  );
}

/**
 * The project whose robots a list asks for; undefined: those of the system.
 * @throws {Refusal} `invalid`
 */
export function projectAskedFor(terms: ReadonlyMap<string, Term>): number | undefined {
  const level = terms.get('level');
  const project = terms.get('project_id');
  const isProject = level?.kind === 'exact' && level.value === 'project';
  const isSystem = level === undefined || (level.kind === 'exact' && level.value === 'system');
  if (isSystem && project === undefined) return undefined;
  if (isProject && project?.kind === 'exact' && /^\d{1,15}$/.test(project.value)) {
    return Number(project.value);
  }
  throw invalid('query.q takes Level=system, or Level=project,ProjectID=NUMBER.');
}
