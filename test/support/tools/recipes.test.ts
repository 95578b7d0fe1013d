import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Recipe, recipes } from './recipes.ts';

for (const recipe of Object.values<Recipe>(recipes)) {
  test(`every program of ${recipe.name} is a tool of its go.mod`, async () => {
    const tools = [...(await goMod(recipe)).matchAll(/^(?:tool |\t)([^\s(]+)$/gm)];
    const packages = Object.values(recipe.binaries).map((binary) => binary.package);
    assert.deepEqual(tools.map((match) => match[1]).toSorted(), packages.toSorted());
  });
}

test('a version that a program prints is the one that go.mod pins', async () => {
  const printed: string[] = [];
  const pinned: string[] = [];
  for (const recipe of Object.values<Recipe>(recipes)) {
    const module = await goMod(recipe);
    for (const { package: path, stamps } of Object.values(recipe.binaries)) {
      for (const value of Object.values(stamps ?? {}).filter((stamp) => stamp.includes('.'))) {
        printed.push(`${path} v${value.replace(/^v/, '')}`);
        pinned.push(`${path} ${pinnedVersion(module, path)}`);
      }
    }
  }
  assert.ok(printed.length > 0);
  assert.deepEqual(printed, pinned);
});

async function goMod(recipe: Recipe): Promise<string> {
  return await readFile(join(recipe.folder, 'go.mod'), 'utf8');
}

/** The version of the module that a package belongs to: the longest path that leads to it. */
function pinnedVersion(module: string, path: string): string | undefined {
  return [...module.matchAll(/^\t?(?:require )?(\S+) (v\S+)/gm)]
    .filter(([, owner]) => path.startsWith(`${owner}/`))
    .toSorted(([, a = ''], [, b = '']) => b.length - a.length)[0]?.[2];
}
