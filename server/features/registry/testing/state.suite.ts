import type { TestRegistry } from './registry.suite.ts';

const tables = [
  'projects',
  'repositories',
  'manifests',
  'manifest_refs',
  'tags',
  'blobs',
  'repository_blobs',
  'events',
  'uploads',
] as const;

/** Every row that the registry keeps, to tell whether anything changed. */
export async function stateOf(registry: TestRegistry): Promise<Record<string, readonly unknown[]>> {
  const { read } = await registry.database();
  const state: Record<string, readonly unknown[]> = {};
  for (const table of tables) {
    const rows = await read.selectFrom(table).selectAll().execute();
    state[table] = rows.map((row) => JSON.stringify(row)).sort();
  }
  return state;
}
