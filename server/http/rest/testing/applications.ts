import { Refusal } from '#lib/errors.ts';
import { createRestApplication, type Failure, type RestApplication } from '../index.ts';

const alice = { kind: 'user', id: 7, name: 'alice' } as const;
const robot = { kind: 'robot', id: 3, name: 'robot+ci' } as const;

/** An application that knows Alice and a robot, and grants nothing. */
export async function start(addRoutes: (application: RestApplication) => void) {
  const failures: Failure[] = [];
  const application = await createRestApplication({
    refresh: () => {},
    authenticate: (authorization) => {
      if (authorization === 'Basic alice') return { principal: alice };
      if (authorization === 'Basic robot') return { principal: robot };
      if (authorization === 'Bearer token') return { principal: alice, scope: new Map() };
      throw new Refusal('unauthenticated', 'The password of user alice is wrong');
    },
    loadGrants: (principal) => ({ principal, systemAdmin: false, projects: new Map() }),
    reportFailure: (failure) => failures.push(failure),
    version: '1.2.3',
  });
  addRoutes(application);
  await application.ready();
  return { application, failures };
}

export function messageOf(body: string): string {
  return JSON.parse(body).errors[0].message;
}
