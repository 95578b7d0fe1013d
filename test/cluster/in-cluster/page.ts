import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandsOf } from '#test/commands.ts';
import { repositoryRoot } from '#test/suite.ts';
import { quoted, type Terminal } from '#test/terminal.ts';
import { type Bed, publicProject, registry } from '../bed.ts';

/** Berth in the cluster: people know its name, nodes do not. */
export const insideName = 'inside.berth.test:30500';
/** Another one, whose TLS ends at a proxy. */
export const proxiedName = 'images.berth.test';
export const insideNamespace = 'registry';

const description = {
  name: 'docs/in-cluster.md',
  programs: ['npm', 'docker', 'helm', 'kubectl', './berth', 'echo'],
  placeholders: ['PASSWORD', 'FINGERPRINT'],
};

/** What the page gives its reader to replace, and what it is here. */
export type Names = Readonly<Record<string, string>>;

/** docs/in-cluster.md, as its reader types it. */
export interface Page {
  /** The one command that begins so, with this bed's names in the place of its examples. */
  command(beginning: string, names?: Names): string;
  /** Types those that begin so, in their order; returns what they say. */
  follow(...beginnings: readonly string[]): Promise<string>;
}

/**
 * @param clone where commands of Berth are typed
 * @param start what the first start printed, once it is known
 */
export async function openPage(
  bed: Bed,
  clone: Terminal,
  start: () => Start | undefined,
): Promise<Page> {
  const text = await readFile(join(repositoryRoot, description.name), 'utf8');
  const commands = commandsOf(text, description);
  const chosen = (beginnings: readonly string[]) => {
    const found = commands.filter((command) =>
      beginnings.some((beginning) => command.startsWith(beginning)),
    );
    if (found.length >= beginnings.length) return found;
    throw new Error(`${description.name} lacks one of ${beginnings.join(', ')}.`);
  };
  const typed = (command: string, names: Names = {}) =>
    Object.entries({ ...names, ...namesOf(bed, start()) }).reduce(
      (text, [example, name]) => text.replaceAll(example, name),
      command,
    );
  return {
    command: (beginning, names) => {
      const [command, ...others] = chosen([beginning]);
      if (command !== undefined && others.length === 0) return typed(command, names);
      throw new Error(`${description.name} has more than one ${beginning}.`);
    },
    follow: async (...beginnings) => {
      let said = '';
      for (const command of chosen(beginnings)) {
        const terminal = command.includes('./berth') ? clone : bed.operator;
        said += await terminal.type(typed(command));
      }
      return said;
    },
  };
}

/** The longer names first, of those that begin alike. */
function namesOf({ cluster }: Bed, start: Start | undefined): Names {
  const [one, other] = cluster.nodes.map(({ address }) => address);
  return {
    'registry.example.com/library': `${registry}/${publicProject}`,
    'images.example.com:30500': insideName,
    'images.example.com': proxiedName,
    ...(one !== undefined && { '192.0.2.11': one }),
    ...(other !== undefined && { '192.0.2.12': other }),
    ...(start && { PASSWORD: quoted(start.password), FINGERPRINT: start.fingerprint }),
  };
}

/** What the first start of Berth printed. */
export interface Start {
  readonly password: string;
  readonly fingerprint: string;
}

export function readStart(log: string): Start {
  const password = /^ +password +(\S+)/m.exec(log)?.[1];
  const fingerprint = /^ +authority +([0-9A-F:]{95})$/m.exec(log)?.[1];
  if (password !== undefined && fingerprint !== undefined) return { password, fingerprint };
  throw new Error(`The log holds no password, or no fingerprint:\n${log}`);
}
