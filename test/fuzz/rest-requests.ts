import { type ArchiveEntry, archiveOf, chartArchive } from '#test/charts.ts';
import type { Random } from '#test/random.ts';
import { knownFor, type Pool } from './pool.ts';
import type { Draft } from './registry-requests.ts';
import { chance, json, jsonOf, number, oneOf, type Schema, text } from './values.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: Schema;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
  };
}

interface Route extends Operation {
  readonly method: string;
  readonly path: string;
}

/** Every route of the OpenAPI document. */
export function routesOf(document: string): readonly Route[] {
  const { paths } = JSON.parse(document) as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  );
}

export function draftRestRequest(random: Random, pool: Pool, routes: readonly Route[]): Draft {
  const route = oneOf(random, routes);
  const { parameters = [], requestBody } = route;
  const value = ({ name, schema = {} }: Parameter) => {
    const drawn = chance(random, 6) ? undefined : knownFor(random, pool, name);
    if (drawn !== undefined) return drawn;
    return schema.type === 'integer' ? number(random) : text(random);
  };
  const encode = (written: string) => encodeURIComponent(written.toWellFormed());
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_whole, name) =>
    encode(value({ name, in: 'path' })),
  );
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && (parameter.required || chance(random, 2)))
    .map((parameter) => `${parameter.name}=${encode(value(parameter))}`);
  const headers = parameters
    .filter((parameter) => parameter.in === 'header' && chance(random, 3))
    .map(({ name }) => [name, oneOf(random, ['true', 'false', 'x'])] as const);
  const target = query.length === 0 ? path : `${path}?${query.join('&')}`;
  const method = chance(random, 20)
    ? oneOf(random, ['PUT', 'HEAD', 'OPTIONS', 'PATCH'])
    : route.method;
  if (path.startsWith('/api/chartrepo/') && method === 'POST') {
    return draftChartUpload(random, method, target);
  }
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (type === undefined || content === undefined) return { method, target, headers };
  const body = jsonOf(random, content.schema ?? {}, (name) => knownFor(random, pool, name));
  const written = type.includes('urlencoded') ? formOf(body) : body;
  return {
    method,
    target,
    headers: [...headers, ['Content-Type', type]],
    body: Buffer.from(written),
  };
}

function formOf(body: string): string {
  try {
    const fields = JSON.parse(body) as Record<string, unknown>;
    return Object.entries(fields)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`)
      .join('&');
  } catch {
    return body;
  }
}

export function draftTokenRequest(random: Random, pool: Pool): Draft {
  const scope = () => {
    if (chance(random, 4)) return text(random).toWellFormed();
    const actions = oneOf(random, [
      'pull',
      'push',
      'pull,push',
      '*',
      'delete',
      '',
      ',',
      'pull,pull',
    ]);
    const type = oneOf(random, ['repository', 'repository(plugin)', 'registry', 'x']);
    return `${type}:${oneOf(random, [...pool.repositories, 'catalog', ''])}:${actions}`;
  };
  const scopes = Array.from(
    { length: random.integer(4) },
    () => `scope=${encodeURIComponent(scope())}`,
  );
  return { method: 'GET', target: `/service/token?service=harbor-registry&${scopes.join('&')}` };
}

function draftChartUpload(random: Random, method: string, target: string): Draft {
  const bytes = hostileArchive(random);
  if (chance(random, 3)) {
    return { method, target, headers: [['Content-Type', 'application/gzip']], body: bytes };
  }
  const boundary = 'boundaryOfTheFuzzer';
  const field = oneOf(random, ['chart', 'prov', 'x', '__proto__', '']);
  const body = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="a.tgz"\r\n\r\n`,
    ),
    bytes,
    Buffer.from(chance(random, 6) ? '' : `\r\n--${boundary}--\r\n`),
  ]);
  return {
    method,
    target,
    headers: [['Content-Type', `multipart/form-data; boundary=${boundary}`]],
    body,
  };
}

function hostileArchive(random: Random): Buffer {
  const name = oneOf(random, ['nginx', 'castle', 'a', '../a', 'A', '__proto__', 'x'.repeat(300)]);
  const version = oneOf(random, [
    '0.1.0',
    '1.2.3',
    'v1',
    '1',
    '1.0.0+b',
    '01.0.0',
    `1.0.0-${'a'.repeat(200)}`,
  ]);
  const yaml = [
    `a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nname: ${name}\nversion: ${version}\napiVersion: v2\n`,
    `apiVersion: v2\nname: ${JSON.stringify(text(random))}\nversion: ${JSON.stringify(text(random))}\n`,
    `apiVersion: v2\nname: n\nversion: 1.0.0\ndependencies: ${json(random)}\nkeywords: ${json(random, 1)}\n`,
    `apiVersion: v2\nname: n\nversion: 1.0.0\nmaintainers: ${json(random, 2)}\nannotations: ${json(random, 2)}\n`,
    '!!js/function "x"',
    '- '.repeat(2_000),
    '{'.repeat(5_000),
    '? '.repeat(300),
    '\ufeff\0',
  ];
  const entry = (): ArchiveEntry => ({
    path: oneOf(random, [
      'nginx/values.yaml',
      '../x',
      '/etc/passwd',
      'nginx/../../x',
      'nginx/Chart.yaml',
      'a'.repeat(400),
      '',
    ]),
    content: text(random).toWellFormed(),
    type: oneOf(random, ['File', 'Directory', 'SymbolicLink', 'Link'] as const),
    linkpath: '/etc/passwd',
  });
  const archive = chance(random, 8)
    ? archiveOf(Array.from({ length: random.integer(4) }, entry))
    : chartArchive({
        name,
        version,
        ...(chance(random, 2) && { chartYaml: oneOf(random, yaml) }),
        entries: Array.from({ length: random.integer(3) }, entry),
      });
  if (chance(random, 4)) return archive.subarray(0, random.integer(archive.length));
  if (chance(random, 4)) archive[random.integer(archive.length)] = random.integer(256);
  return archive;
}
