import type { Database } from './database.ts';

/** Asks the database itself, whatever is remembered of it. Rejects when it does not answer. */
export function probeOf(database: Database): () => Promise<void> {
  const select = database.prepare<[], { value: number }>((read) =>
    read.selectFrom('generations').select('value').limit(1),
  );
  return async () => {
    await select();
  };
}
