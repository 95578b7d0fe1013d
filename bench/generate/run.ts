// npm run bench:generate -- --data DIR [--manifests N …]: a large registry, to be measured.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { generateRegistry } from './generate.ts';
import { checkPlan } from './plan.ts';

const usage = `npm run bench:generate -- --data DIR [options]

  --data DIR           an empty data folder
  --database-url URL   of an empty PostgreSQL database (default: SQLite in the data folder)
  --project NAME       (default: bench)
  --repositories N     (default: 100)
  --manifests N        of all repositories together (default: 10000)
  --tags N             of all repositories together (default: as many as manifests)
  --layers N           of each manifest, 64 bytes each (default: 1)
  --blobs KIND         distinct: each manifest has its own; shared: all have the same (default: distinct)
  --garbage N          blobs that no manifest needs, pushed two days ago (default: 0)
`;

try {
  await generate(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${usage}`);
  process.exitCode = 1;
}

async function generate(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: text,
      'database-url': text,
      project: text,
      repositories: text,
      manifests: text,
      tags: text,
      layers: text,
      blobs: text,
      garbage: text,
    },
  });
  const { data, manifests = '10000', blobs = 'distinct' } = values;
  if (data === undefined) throw new Error('Name an empty data folder with --data.');
  if (blobs !== 'distinct' && blobs !== 'shared') {
    throw new Error('--blobs is distinct or shared.');
  }
  const plan = checkPlan({
    project: values.project ?? 'bench',
    repositories: Number(values.repositories ?? 100),
    manifests: Number(manifests),
    tags: Number(values.tags ?? manifests),
    layers: Number(values.layers ?? 1),
    blobs,
    garbage: Number(values.garbage ?? 0),
  });
  const began = performance.now();
  let told = began;
  await generateRegistry(
    { dataFolder: resolve(data), databaseUrl: values['database-url'] },
    [plan],
    ({ step, done, total }) => {
      if (performance.now() - told < 1000) return;
      told = performance.now();
      process.stderr.write(`${step}: ${done} of ${total}\n`);
    },
  );
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stderr.write(
    `${plan.manifests} manifests and ${plan.tags} tags in ${plan.repositories} repositories, ${seconds} s. Serve them: ./berth serve --data ${data}\n`,
  );
}
