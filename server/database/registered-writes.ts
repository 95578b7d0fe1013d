import type { AnyWrite } from './database.ts';

/** Every write a database may run, by name. */
export type RegisteredWrites = ReadonlyMap<string, AnyWrite>;

/** Loads the module at `module`, which exports `writes: readonly AnyWrite[]`. */
export async function loadWrites(module: URL): Promise<RegisteredWrites> {
  const loaded: { writes?: readonly AnyWrite[] } = await import(module.href);
  if (!Array.isArray(loaded.writes)) {
    throw new Error(`${module.href} does not export \`writes\`, the list of all writes`);
  }
  const registered = new Map<string, AnyWrite>();
  for (const write of loaded.writes) {
    if (registered.has(write.name)) {
      throw new Error(`Two writes of ${module.href} are named ${write.name}: rename one`);
    }
    registered.set(write.name, write);
  }
  return registered;
}

/** A write that only its caller knows would run on one dialect and not on the other. */
export function checkRegistered(registered: RegisteredWrites, operation: AnyWrite): void {
  if (registered.get(operation.name) !== operation) {
    throw new Error(
      `The write ${operation.name} is not in the list of writes that the database was opened with`,
    );
  }
}
