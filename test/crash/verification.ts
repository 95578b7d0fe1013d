import { join } from 'node:path';
import { run } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import type { ServerSettings } from './server-process.ts';

export interface Verification {
  readonly clean: boolean;
  /** What was checked. */
  readonly blobs: number;
  readonly manifests: number;
  /** Files of blobs that belong to nothing. */
  readonly orphans: number;
  /** All that the command said. */
  readonly output: string;
}

/** Runs `berth verify` on the registry of a server that may run meanwhile. */
export async function verifyRegistry(settings: ServerSettings): Promise<Verification> {
  const { folder, databaseUrl } = settings;
  const { code, stdout, stderr } = await run(
    join(repositoryRoot, 'node_modules', '.bin', 'node'),
    [
      join(repositoryRoot, 'bin', 'berth.ts'),
      ...['verify', '--json', '--data', folder],
      ...(databaseUrl === undefined ? [] : ['--database-url', databaseUrl]),
    ],
    { cwd: repositoryRoot },
  );
  const output = `${stdout}\n${stderr}`;
  if (code === null || stdout === '') throw new Error(`berth verify ended with ${code}: ${output}`);
  const { blobs, manifests, orphans, clean } = JSON.parse(stdout) as {
    readonly blobs: number;
    readonly manifests: number;
    readonly orphans: { readonly files: number };
    readonly clean: boolean;
  };
  return { clean: clean && code === 0, blobs, manifests, orphans: orphans.files, output };
}
