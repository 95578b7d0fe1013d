import type { Backup } from './backup.ts';
import type { Restore } from './restore.ts';
import type { Serve } from './serve.ts';
import type { Verify } from './verify.ts';

/** What runs on the server's own machine. The command line knows what they take and answer only. */
export interface ServerPrograms {
  readonly serve: Serve;
  readonly backup: Backup;
  readonly restore: Restore;
  readonly verify: Verify;
}
