import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { repositoryRoot } from '#test/suite.ts';

export interface Module {
  /** From the clone's root. */
  readonly path: string;
  readonly source: string;
  /** Modules of ours that it imports, type imports included. */
  readonly imports: readonly { readonly specifier: string; readonly target: string }[];
}

const rooms = [
  'agent',
  'bench',
  'bin',
  'cli',
  'contract',
  'deploy',
  'diagnosis',
  'kubernetes',
  'lib',
  'oci',
  'server',
  'test',
];
const importPattern = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;

/** Every TypeScript module of the product, with its imports resolved as Node resolves them. */
export function readModules(): Module[] {
  const { imports: aliases } = JSON.parse(
    readFileSync(join(repositoryRoot, 'package.json'), 'utf8'),
  ) as { imports: Record<string, string> };
  return globSync(`{${rooms.join(',')}}/**/*.ts`, { cwd: repositoryRoot }).map((path) => {
    const source = readFileSync(join(repositoryRoot, path), 'utf8');
    const imports = [...source.matchAll(importPattern)].flatMap(([, specifier]) => {
      const target = specifier === undefined ? undefined : resolve(path, specifier, aliases);
      return specifier === undefined || target === undefined ? [] : [{ specifier, target }];
    });
    return { path, source, imports };
  });
}

function resolve(
  importer: string,
  specifier: string,
  aliases: Record<string, string>,
): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(importer), specifier));
  // As Node.js does: of the patterns that fit, the longest.
  const patterns = Object.entries(aliases).toSorted(([one], [other]) => other.length - one.length);
  for (const [pattern, target] of patterns) {
    const [prefix = '', suffix = ''] = pattern.split('*');
    if (!specifier.startsWith(prefix) || !specifier.endsWith(suffix)) continue;
    const middle = specifier.slice(prefix.length, specifier.length - suffix.length);
    return normalize(target.replace('*', middle));
  }
  return undefined;
}
