import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure } from '../failure.ts';
import { runProgram } from '../run-program.ts';

/** The store of authorities that programs such as Helm, crane and curl use. */
export interface SystemStore {
  readonly folder: string;
  /** Reads the folder anew. */
  readonly command: string;
}

const stores: readonly SystemStore[] = [
  { folder: '/usr/local/share/ca-certificates', command: 'update-ca-certificates' },
  { folder: '/etc/pki/ca-trust/source/anchors', command: 'update-ca-trust' },
];

const programFolders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Debian's, or Fedora's; undefined where a system has neither. */
export async function findSystemStore(root: string): Promise<SystemStore | undefined> {
  for (const store of stores) {
    for (const folder of programFolders) {
      const path = join(root, folder, store.command);
      if (
        await access(path).then(
          () => true,
          () => false,
        )
      )
        return store;
    }
  }
  return undefined;
}

/** @throws {CommandFailure} */
export async function refreshSystemStore({ command }: SystemStore): Promise<void> {
  const { code, stderr } = await runProgram(command, [], { searchAlso: programFolders });
  if (code === 0) return;
  throw new CommandFailure(
    `The certificate is in place, but ${command} failed: ${stderr.trim().slice(-300)}. Run it again by hand.`,
  );
}
