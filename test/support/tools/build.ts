import { parseArgs } from 'node:util';
import { ensureTools, type ToolPaths } from './cache.ts';
import { isRecipeName, type RecipeName, recipeNames, recipes } from './recipes.ts';

interface Built {
  readonly recipe: RecipeName;
  readonly seconds: number;
  readonly binaries: ToolPaths;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});

const unknown = positionals.filter((name) => !isRecipeName(name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no recipe ${unknown.join(', ')}; choose from ${recipeNames.join(', ')}.\n`,
  );
  process.exit(2);
}

const wanted = positionals.length > 0 ? positionals.filter(isRecipeName) : recipeNames;
const results: Built[] = [];
for (const recipe of wanted) {
  const started = performance.now();
  const binaries = await ensureTools<string>(recipes[recipe]);
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
  results.push({ recipe, seconds, binaries });
  if (!values.json) process.stdout.write(describe({ recipe, seconds, binaries }));
}
if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);

function describe({ recipe, seconds, binaries }: Built): string {
  const lines = Object.entries(binaries).map(([name, path]) => `  ${name.padEnd(24)} ${path}`);
  return `${recipe}: ${seconds} s\n${lines.join('\n')}\n`;
}
