import type { Pusher } from '#features/registry';

/** The server as one who pushes: into its own project, which is made beforehand. */
export const serverPush: { readonly pusher: Pusher; readonly by: string } = {
  pusher: { createsProjects: false, userId: null },
  by: 'the server',
};
