import type { Database } from '#server/database/database.ts';
import type { WriteCounts } from '#server/telemetry/work-counts.ts';

export function measuredDatabase(database: Database, counts: WriteCounts): Database {
  return {
    ...database,
    write: (operation, input) =>
      counts.count(operation.durability, () => database.write(operation, input)),
  };
}
