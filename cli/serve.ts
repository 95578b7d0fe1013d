import type { Command } from 'commander';
import { addCommand } from './command.ts';

/** Flags of `berth serve`, by the names of the server's settings. */
export interface ServeFlags {
  readonly data?: string;
  readonly host?: string;
  readonly port?: string;
  readonly url?: string;
  readonly databaseUrl?: string;
  readonly workers?: string;
}

export type Serve = (flags: ServeFlags) => Promise<void>;

export function addServeCommand(program: Command, serve: Serve) {
  addCommand(program, 'serve', {
    summary: 'Run the server',
    description:
      'Settings come from flags, then the environment (BERTH_DATA, BERTH_URL, …), then berth.yaml in the data folder.',
    examples: [
      'berth serve',
      'berth serve --data /var/lib/berth --url https://registry.example.com',
      'berth serve --workers auto',
    ],
  })
    .option('--data <folder>', 'where everything is kept (default: ./data)')
    .option('--port <port>', 'port to listen on (default: 5000)')
    .option('--host <address>', 'address to listen on (default: all)')
    .option('--url <url>', 'where clients reach the server (default: https://localhost:PORT)')
    .option('--database-url <url>', 'PostgreSQL instead of SQLite in the data folder')
    .option(
      '--workers <number>',
      'processes that answer requests, or auto: one on each core (default: 1)',
    )
    .action((flags: ServeFlags) => serve(flags));
}
