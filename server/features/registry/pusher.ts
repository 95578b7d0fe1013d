import { decide, type Grants, systemResource } from '#server/permissions/decide.ts';
import type { Pusher } from './writes/repositories.ts';

/** Who pushes, told from the grants that allowed the push. */
export function pusherOf(grants: Grants): Pusher {
  const { principal } = grants;
  return {
    createsProjects: grants.systemAdmin && decide(grants, 'project:create', systemResource).allowed,
    userId: principal.kind === 'user' ? principal.id : null,
  };
}
