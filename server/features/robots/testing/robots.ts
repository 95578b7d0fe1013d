import type { AccountsServer, Login } from '../../auth/testing/server.suite.ts';

export const robots = '/api/v2.0/robots';

export function pulling(namespace: string, action = 'pull') {
  return [{ kind: 'project', namespace, access: [{ resource: 'repository', action }] }];
}

/** A project with an admin of its own. */
export async function withProjectAdmin({ call, admin, addProject, addUser }: AccountsServer) {
  const project = await addProject('team');
  const { login } = await addUser('alice');
  await call(admin, 'POST', `/api/v2.0/projects/${project}/members`, {
    body: { role_id: 1, member_user: { username: 'alice' } },
  });
  return { project, login };
}

/** What of `scope` a token of the robot holds. */
export async function scopeOf({ call }: AccountsServer, login: Login, scope: string) {
  return (await call(login, 'GET', `/service/token?scope=${scope}`)).body.scope;
}
