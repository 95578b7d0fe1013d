/*
 * What a refused client must show its user: the sentences of the server, as they arrive through
 * each client's own words.
 */

/** Every client's failure when it does not know Berth's authority. */
export const unknownAuthority = /certificate signed by unknown authority/;

export function wrongPassword(name: string): RegExp {
  return containing(
    `The user name ${name} or its password is wrong: check both; a system admin can set a new password with berth user password ${name}`,
  );
}

/** @param permission and the least role that has it */
export function lacks(
  name: string,
  action: 'pull' | 'push' | 'delete',
  repository: string,
): RegExp {
  const [project] = repository.split('/');
  const role = { pull: 'limited-guest', push: 'developer', delete: 'maintainer' }[action];
  const create = `create the project with berth project create ${project}, or have its admin run`;
  const cure = action === 'push' ? create : `an admin of ${project} can run`;
  return containing(
    `user ${name} has no ${action} on ${repository}: ${cure} berth member add ${project} ${name} --role ${role}`,
  );
}

export function anonymousLacks(action: 'pull' | 'push', repository: string): RegExp {
  return containing(
    `an anonymous caller has no ${action} on ${repository}: sign in, or check that the pull secret names this host and port`,
  );
}

export function containing(sentence: string): RegExp {
  return new RegExp(RegExp.escape(sentence));
}
