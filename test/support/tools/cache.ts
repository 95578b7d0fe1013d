import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildBinaries, downloadModules, goEnvironment, goIdentity } from './go.ts';
import { withLock } from './lock.ts';
import type { Recipe } from './recipes.ts';

export interface CacheOptions {
  /** Where finished recipes are kept; the user's own cache folder by default. */
  readonly cache?: string;
  readonly report?: (line: string) => void;
}

/** The absolute path of each program; a recipe's programs share one folder, fit for a PATH. */
export type ToolPaths<Name extends string = string> = Readonly<Record<Name, string>>;

export const defaultCache = join(homedir(), '.cache', 'berth');

/** Builds a recipe unless that was done before, and says where its programs are. */
export async function ensureTools<Name extends string>(
  recipe: Recipe<Name>,
  options: CacheOptions = {},
): Promise<ToolPaths<Name>> {
  const cache = options.cache ?? defaultCache;
  const report = options.report ?? ((line) => process.stderr.write(`${line}\n`));
  const key = await recipeKey(recipe);
  const folder = join(cache, key);
  if (!(await exists(folder))) {
    await mkdir(cache, { recursive: true });
    await withLock(
      `${folder}.lock`,
      () => report(`tools: waiting for another process that builds ${recipe.name}`),
      async () => {
        if (!(await exists(folder))) await build(recipe, cache, key, report);
      },
    );
  }
  return toolPaths(recipe, folder);
}

/** Names a build by everything that decides its outcome. */
export async function recipeKey(recipe: Recipe): Promise<string> {
  const inputs = [
    await readFile(join(recipe.folder, 'go.mod'), 'utf8'),
    await readFile(join(recipe.folder, 'go.sum'), 'utf8'),
    JSON.stringify(recipe.binaries),
    JSON.stringify(goEnvironment),
    await goIdentity(recipe.folder),
  ];
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
  return `${recipe.name}-${hash.slice(0, 16)}`;
}

async function build(
  recipe: Recipe,
  cache: string,
  key: string,
  report: (line: string) => void,
): Promise<void> {
  const started = performance.now();
  report(`tools: building ${recipe.name} (${Object.keys(recipe.binaries).join(', ')})`);
  await removeInterrupted(cache, key);
  const unfinished = await mkdtemp(join(cache, `${key}.unfinished-`));
  try {
    await downloadModules(recipe);
    await buildBinaries(recipe, unfinished);
    await rename(unfinished, join(cache, key));
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  const seconds = (performance.now() - started) / 1000;
  report(`tools: built ${recipe.name} in ${seconds.toFixed(1)} s`);
}

/** Only the holder of the recipe's lock may call this: whatever is unfinished has no builder. */
async function removeInterrupted(cache: string, key: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(`${key}.unfinished-`)) await rm(join(cache, name), { recursive: true });
  }
}

function toolPaths<Name extends string>(recipe: Recipe<Name>, folder: string): ToolPaths<Name> {
  const paths = Object.keys(recipe.binaries).map((name) => [name, join(folder, name)]);
  return Object.fromEntries(paths) as ToolPaths<Name>;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
