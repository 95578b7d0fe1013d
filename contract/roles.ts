/** Harbor's numbers of the roles, which follow no order. */
export const roleIds = {
  'project-admin': 1,
  developer: 2,
  guest: 3,
  maintainer: 4,
  'limited-guest': 5,
} as const;

export type RoleName = keyof typeof roleIds;

/** How Harbor writes the roles in answers. */
export const harborRoleNames: Readonly<Record<RoleName, string>> = {
  'project-admin': 'projectAdmin',
  maintainer: 'maintainer',
  developer: 'developer',
  guest: 'guest',
  'limited-guest': 'limitedGuest',
};

export function roleOfId(id: number): RoleName | undefined {
  return (Object.keys(roleIds) as RoleName[]).find((name) => roleIds[name] === id);
}
