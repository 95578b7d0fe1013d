// Bundles the program into a folder: far fewer modules to load than the sources have, and so less
// memory and a faster start. Source files stay what tests run.
//
//   node bin/bundle.mjs FOLDER
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outputFolder = resolve(process.argv[2]);
/** A file that code finds beside itself: the module of a thread, or package.json. */
const besideItself = /new URL\('(\.[^']+)', import\.meta\.url\)/g;

const sources = globSync('{agent,bin,cli,contract,kubernetes,lib,oci,server}/**/*.ts', {
  cwd: root,
  exclude: (name) =>
    name.endsWith('.test.ts') ||
    name.endsWith('.suite.ts') ||
    /(^|\/)(testing|conformance)$/.test(name),
});
const threads = sources.flatMap((source) =>
  [...readFileSync(join(root, source), 'utf8').matchAll(besideItself)]
    .map(([, path]) => posix.join(posix.dirname(source), path))
    .filter((path) => path.endsWith('.ts')),
);

mkdirSync(dirname(outputFolder), { recursive: true });
const unfinished = mkdtempSync(`${outputFolder}-`);
/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: `node${process.versions.node.split('.')[0]}`,
  external: ['pg-native'],
  legalComments: 'linked',
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'error',
  banner: {
    js: "import { createRequire as berthCreateRequire } from 'node:module'; const require = berthCreateRequire(import.meta.url);",
  },
  plugins: [
    {
      name: 'files beside a module',
      setup({ onLoad }) {
        onLoad({ filter: /\.ts$/ }, ({ path }) => ({
          loader: 'ts',
          contents: readFileSync(path, 'utf8').replaceAll(besideItself, (_, target) => {
            const file = join(dirname(path), target);
            if (target.endsWith('.ts')) {
              return `new URL('./${nameOf(relative(root, file))}.js', import.meta.url)`;
            }
            // The folder is whole by itself, so that it can be put anywhere.
            copyFileSync(file, join(unfinished, basename(file)));
            return `new URL('./${basename(file)}', import.meta.url)`;
          }),
        }));
      },
    },
  ],
};

await build({
  ...common,
  entryPoints: ['bin/berth.ts', ...new Set(threads)].map((path) => ({
    in: path,
    out: nameOf(path),
  })),
  outdir: unfinished,
  splitting: true,
});
// One file, since it is all that runs in clusters.
await build({
  ...common,
  entryPoints: ['bin/agent.ts'],
  outfile: join(unfinished, 'agent.mjs'),
});

try {
  // Whoever runs the program need not be who installed it.
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, outputFolder);
} catch (error) {
  rmSync(unfinished, { recursive: true });
  // Another start was faster.
  if (!existsSync(outputFolder)) throw error;
}

function nameOf(path) {
  return posix.basename(path, '.ts');
}
