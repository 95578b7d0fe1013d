import { join } from 'node:path';
import { mediaTypes } from '#oci/media-types.ts';
import { clientOf, imageOf, pushImage } from '../clients.ts';
import type { Bar, Measured, Row } from '../measuring/figures.ts';
import { headLoad } from '../measuring/heads.ts';
import { type LoadResult, wrk } from '../measuring/wrk.ts';
import type { DatabaseKind } from '../options.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { type BareAnswer, startBare } from '../servers/bare.ts';
import { type Berth, startBerth } from '../servers/berth.ts';
import { startDistribution } from '../servers/distribution.ts';
import type { Program } from '../servers/program.ts';
import { describeLoad, medianOf, requestsPerCpuSecond, requestsPerSecond } from './shared.ts';

const repository = 'bench/app';
const path = `/v2/${repository}/manifests/1.0`;
const connections = 32;

/** What a manifest by tag costs, with a registry token at Berth and without any at the others. */
export function manifestSection(database: DatabaseKind): Section {
  const suffix = database === 'postgres' ? '-postgres' : '';
  const on = database === 'postgres' ? ', on PostgreSQL' : '';
  const row = (subject: string, against: string, unit: string, bar?: Bar): Row => ({
    name: `${subject}${suffix}/${against}`,
    title: `${titles[subject]}${on}`,
    unit,
    against,
    ...(bar !== undefined && { bar }),
  });
  const ofBare = database === 'postgres' ? 0.15 : 0.6;
  return {
    database,
    rows: [
      row('manifest-get', 'bare', 'requests/s', { of: 'ratio', atLeast: ofBare }),
      row(
        'manifest-get',
        'distribution',
        'requests/s',
        database === 'sqlite' ? { of: 'ratio', atLeast: 5 } : undefined,
      ),
      ...(database === 'sqlite' ? [row('manifest-get-logged', 'bare', 'requests/s')] : []),
      row('manifest-head', 'bare', 'requests/CPU-s'),
      row('manifest-head', 'distribution', 'requests/CPU-s'),
      row('cpu-per-10000-requests', 'bare', 's'),
      row('cpu-per-10000-requests', 'distribution', 's'),
    ],
    measure: (bench) => measure(bench, suffix),
  };
}

const titles: Readonly<Record<string, string>> = {
  'manifest-get': 'manifest GET by tag',
  'manifest-get-logged': 'the same with a line of the log for each',
  'manifest-head': "manifest HEADs by tag for a second of the server's CPU",
  'cpu-per-10000-requests': "server's CPU seconds for 10,000 manifest GETs",
};

async function measure(bench: Bench, suffix: string): Promise<Record<string, Measured>> {
  const { folder, databaseUrl, scale } = bench;
  await using berth = await startBerth({
    folder,
    accessLog: false,
    ...(databaseUrl && { databaseUrl }),
  });
  await using distribution = await startDistribution({ folder });
  await using logging =
    databaseUrl === undefined ? await startBerth({ folder: join(folder, 'logging') }) : undefined;
  const image = imageOf(1000);
  const token = await pushTo(berth, image);
  const loggedToken = logging && (await pushTo(logging, image));
  const client = clientOf(distribution.origin);
  await pushImage(client, repository, '1.0', image);
  client.close();
  // distribution denies an OCI manifest to clients that do not say that they take one.
  const headers = { authorization: `Bearer ${token}`, accept: mediaTypes.oci.manifest };
  await using bare = await startBare(folder, await answerOf(berth, headers));

  const loadOn = ({ origin }: Program, bearer = token) => ({
    url: origin + path,
    connections,
    seconds: scale.seconds,
    headers: { ...headers, authorization: `Bearer ${bearer}` },
  });
  const get = (server: Program, bearer?: string) => wrk(server.pid, loadOn(server, bearer));
  const head = (server: Program) => headLoad(server.pid, loadOn(server));
  bench.report('warming up');
  for (const server of [bare, berth, distribution]) await get(server);
  const contestants: Record<string, () => Promise<LoadResult>> = {
    'bare GET': () => get(bare),
    'Berth GET': () => get(berth),
    'distribution GET': () => get(distribution),
    ...(logging && { 'Berth GET, logged': () => get(logging, loggedToken) }),
    'bare HEAD': () => head(bare),
    'Berth HEAD': () => head(berth),
    'distribution HEAD': () => head(distribution),
  };
  const found = await inTurn(bench, contestants);

  const of = (name: string) => found[name] ?? [];
  const compared = (
    own: readonly LoadResult[],
    others: readonly LoadResult[],
    by = requestsPerSecond,
  ): Measured => {
    const value = medianOf(own, by);
    return {
      value,
      ratio: value / medianOf(others, by),
      details: `${describeLoad(own)}; other: ${describeLoad(others)}`,
    };
  };
  const cost = (own: readonly LoadResult[], others: readonly LoadResult[]): Measured => {
    const value = medianOf(own, secondsPer10000);
    return { value, ratio: value / medianOf(others, secondsPer10000) };
  };
  return {
    [`manifest-get${suffix}/bare`]: compared(of('Berth GET'), of('bare GET')),
    [`manifest-get${suffix}/distribution`]: compared(of('Berth GET'), of('distribution GET')),
    ...(logging && {
      'manifest-get-logged/bare': compared(of('Berth GET, logged'), of('bare GET')),
    }),
    [`manifest-head${suffix}/bare`]: compared(
      of('Berth HEAD'),
      of('bare HEAD'),
      requestsPerCpuSecond,
    ),
    [`manifest-head${suffix}/distribution`]: compared(
      of('Berth HEAD'),
      of('distribution HEAD'),
      requestsPerCpuSecond,
    ),
    [`cpu-per-10000-requests${suffix}/bare`]: cost(of('Berth GET'), of('bare GET')),
    [`cpu-per-10000-requests${suffix}/distribution`]: cost(of('Berth GET'), of('distribution GET')),
  };
}

function secondsPer10000(result: LoadResult): number {
  return 10_000 / requestsPerCpuSecond(result);
}

/** @returns a token to pull the image with */
async function pushTo(berth: Berth, image: ReturnType<typeof imageOf>): Promise<string> {
  const pushing = await berth.token(`repository:${repository}:pull,push`);
  const client = clientOf(berth.origin, pushing);
  await pushImage(client, repository, '1.0', image);
  client.close();
  return berth.token(`repository:${repository}:pull`);
}

/** What Berth answers, but for what node:http itself adds. */
async function answerOf(
  { origin }: Berth,
  headers: Readonly<Record<string, string>>,
): Promise<BareAnswer> {
  const response = await fetch(origin + path, { headers });
  if (!response.ok) throw new Error(`The manifest was answered ${response.status}`);
  const own = new Set(['connection', 'date', 'keep-alive']);
  return {
    headers: Object.fromEntries([...response.headers].filter(([name]) => !own.has(name))),
    body: await response.text(),
  };
}
