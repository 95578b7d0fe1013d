/** The rooms of the house in the order of their imports: each may import those that stand before it. */
const shared = ['contract', 'lib', 'oci', 'diagnosis', 'kubernetes'] as const;
const server = [
  'server/config',
  'server/telemetry',
  'server/certificates',
  'server/permissions',
  'server/blobs',
  'server/database',
  'server/events',
  'server/jobs',
  'server/http',
  'server/features',
  'server/app',
] as const;

/** Rooms that stand side by side and do not know each other. */
const apart: Readonly<Record<string, readonly string[]>> = {
  lib: ['contract'],
  kubernetes: ['diagnosis'],
  'server/certificates': ['server/telemetry'],
  'server/permissions': ['server/telemetry', 'server/certificates'],
  'server/blobs': ['server/telemetry', 'server/certificates', 'server/permissions'],
};

/** Which feature may know which others, through their doors. */
export const featureDoors: Readonly<Record<string, readonly string[]>> = {
  users: ['auth'],
  projects: ['auth'],
  robots: ['auth', 'projects'],
  registry: ['projects'],
  artifacts: ['registry', 'projects'],
  charts: ['registry', 'projects'],
  'garbage-collection': ['registry'],
  'own-artifacts': ['charts', 'projects', 'registry'],
  clusters: ['auth', 'own-artifacts', 'projects', 'registry'],
};

/** The room that a path of the clone stands in. */
export function roomOf(path: string): string {
  const [first = '', second] = path.split('/');
  return first === 'server' ? `server/${second}` : first;
}

/** The rooms that modules of `room` may import besides their own. */
export function roomsBelow(room: string): readonly string[] {
  if (room === 'cli' || room === 'agent') return shared;
  if (room === 'deploy') return shared;
  if (room === 'bin') return [...shared, 'agent', 'cli', 'server/config', 'server/app'];
  if (room === 'web') return ['contract'];
  const order: readonly string[] = [...shared, ...server];
  const place = order.indexOf(room);
  return order.slice(0, Math.max(place, 0)).filter((below) => !apart[room]?.includes(below));
}
