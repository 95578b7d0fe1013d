import type { Command } from 'commander';

/** Where a server keeps its data, by the names of its settings. */
export interface StorageFlags {
  readonly data?: string;
  readonly databaseUrl?: string;
}

export function addStorageFlags(command: Command): Command {
  return command
    .option('--data <folder>', "the server's data folder (default: ./data)")
    .option('--database-url <url>', "the server's PostgreSQL database, where it has one");
}

/** Without the other options of a command. */
export function storageFlags({ data, databaseUrl }: StorageFlags): StorageFlags {
  return {
    ...(data !== undefined && { data }),
    ...(databaseUrl !== undefined && { databaseUrl }),
  };
}
