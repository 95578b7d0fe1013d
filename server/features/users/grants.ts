import type { GrantShare, GrantSource } from '#features/auth';
import { chain } from '#lib/maybe-promise.ts';
import type { UserLookups } from './queries.ts';

const nothing: GrantShare = {};

/** Who is a system admin. */
export function createUserGrants({ byId }: UserLookups): GrantSource {
  return {
    grantsOf: (principal) => {
      if (principal.kind !== 'user') return nothing;
      return chain(byId(principal.id), (user) => ({ systemAdmin: user?.admin === 1 }));
    },
  };
}
