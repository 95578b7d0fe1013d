import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '#test/suite.ts';
import { type Module, readModules } from './modules.ts';
import { featureDoors, roomOf, roomsBelow } from './rules.ts';

const modules = readModules();
const product = modules.filter(({ path }) => !isTest(path));

/**
 * Tests stand beside their subject, with what several of them share in a folder of their own; what
 * measures the product is no part of it either.
 */
function isTest(path: string): boolean {
  return /^(?:test|bench)\/|\/(?:testing|conformance)\/|\.(?:test|suite)\.ts$/.test(path);
}

function violations(check: (module: Module) => string[]): string[] {
  return product.flatMap((module) => check(module).map((text) => `${module.path}: ${text}`));
}

test('the checks read the modules and their imports', () => {
  assert.ok(product.length > 50, `only ${product.length} modules were read`);
  const edges = product.flatMap((module) => module.imports);
  assert.ok(edges.length > product.length, `only ${edges.length} imports were read`);
  for (const { target } of edges) assert.ok(existsSync(join(repositoryRoot, target)), target);
});

test('imports go down the house only, type imports included', () => {
  assert.deepEqual(
    violations(({ path, imports }) =>
      imports.flatMap(({ specifier, target }) => {
        const from = roomOf(path);
        const to = roomOf(target);
        return from === to || roomsBelow(from).includes(to) ? [] : [`imports ${specifier}`];
      }),
    ),
    [],
  );
});

test('a feature reaches another through its door, and only where the list allows it', () => {
  assert.deepEqual(
    violations(({ path, imports }) => {
      const feature = featureOf(path);
      return imports.flatMap(({ specifier, target }) => {
        const other = featureOf(target);
        if (other === undefined || other === feature) return [];
        if (!specifier.startsWith('#features/')) return [`enters ${other} by ${specifier}`];
        if (feature === undefined) return [];
        return featureDoors[feature]?.includes(other) ? [] : [`may not know feature ${other}`];
      });
    }),
    [],
  );
});

test('the writer thread loads what its writes need, and no way of serving them', () => {
  const loaded = modulesLoadedBy('server/app/writes.ts');
  assert.ok(loaded.length > 15, `only ${loaded.length} modules were followed`);
  const heavy = /from '(?:fastify|@fastify|typebox|jose|pg|pino|@peculiar)/;
  assert.deepEqual(importing(heavy, loaded), []);
});

test('the agent loads nothing of a server, since it rests in every cluster', () => {
  const loaded = modulesLoadedBy('bin/agent.ts');
  assert.ok(loaded.length > 40, `only ${loaded.length} modules were followed`);
  const allowed = /from '(?:[.#]|node:|typebox|ws'|yaml')/;
  const others = loaded.flatMap(({ path, source }) =>
    source
      .split('\n')
      .filter((line) => isValueImport(line) && !allowed.test(line))
      .map((line) => `${path}: ${line}`),
  );
  assert.deepEqual(others, []);
});

test('no module imports itself by a detour', () => {
  const graph = new Map(product.map(({ path, imports }) => [path, imports.map((i) => i.target)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: string[]) => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  assert.deepEqual(cycles, []);
});

test('the environment is read in one place of the server, the command line and the agent', () => {
  assert.deepEqual(
    product
      .filter(({ source }) => source.includes('process.env'))
      .map(({ path }) => path)
      .filter((path) => !path.startsWith('server/config/'))
      .filter((path) => !['agent/environment.ts', 'cli/environment.ts'].includes(path)),
    [],
  );
});

test('HTTP statuses are named in routes and in server/http only', () => {
  const status = /\b(?:statusCode\s*=|writeHead\(|\.code\(|\.status\(|status:)\s*[1-5]\d\d\b/;
  assert.deepEqual(
    violations(({ path, source }) =>
      path.startsWith('server/') &&
      !path.startsWith('server/http/') &&
      !/\/(?:[a-z-]+-)?routes\.ts$/.test(path) &&
      status.test(source)
        ? ['names an HTTP status']
        : [],
    ),
    [],
  );
});

test('SQL for a table stands in queries and writes only', () => {
  const sql = /\.(?:selectFrom|insertInto|updateTable|deleteFrom)\(/;
  assert.deepEqual(
    violations(({ path, source }) =>
      path.startsWith('server/features/') &&
      !/\/(?:[a-z-]+-)?(?:queries|writes)\.ts$/.test(path) &&
      !/\/(?:queries|writes)\//.test(path) &&
      sql.test(source)
        ? ['holds SQL']
        : [],
    ),
    [],
  );
});

test('no module has a default export or an enum', () => {
  assert.deepEqual(
    violations(({ source }) =>
      /^export default |^(?:export )?(?:const )?enum /m.test(source) ? ['has one'] : [],
    ),
    [],
  );
});

/** What is loaded with a module when types are stripped. */
function modulesLoadedBy(entry: string): Module[] {
  const byPath = new Map(product.map((module) => [module.path, module]));
  const loaded = new Map<string, Module>();
  const load = (path: string) => {
    const module = byPath.get(path);
    if (module === undefined || loaded.has(path)) return;
    loaded.set(path, module);
    for (const { target } of valueImports(module)) load(target);
  };
  load(entry);
  return [...loaded.values()];
}

/** Paths of the modules that import what is looked for. */
function importing(what: RegExp, modules: readonly Module[]): string[] {
  return modules
    .filter(({ source }) =>
      source.split('\n').some((line) => what.test(line) && !line.startsWith('import type')),
    )
    .map(({ path }) => path);
}

function isValueImport(line: string): boolean {
  return / from '[^']+';$/.test(line) && !/^(?:import|export) type /.test(line);
}

/** The imports that remain when types are stripped. */
function valueImports(module: Module | undefined): Module['imports'] {
  const types = new Set(
    [...(module?.source ?? '').matchAll(/^(?:import|export) type [^;]*?'([^']+)'/gm)].map(
      ([, specifier]) => specifier,
    ),
  );
  return (module?.imports ?? []).filter(({ specifier }) => !types.has(specifier));
}

function featureOf(path: string): string | undefined {
  return /^server\/features\/([^/]+)\//.exec(path)?.[1];
}
