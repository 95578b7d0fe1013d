import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { generateRegistry } from '../generate/generate.ts';
import { type Plan, repositoryName, tagName } from '../generate/plan.ts';
import type { Bar, Measured } from '../measuring/figures.ts';
import { type LoadResult, wrk } from '../measuring/wrk.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { type Berth, launchBerth, startBerth } from '../servers/berth.ts';
import { describeLoad, medianOf } from './shared.ts';

const pageBar: Bar = { of: 'ratio', atMost: 1.5 };
const pageSize = 100;
const limit = 60_000;

export const listSection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'tags-page/1000',
      title: 'a page of 100 of 100,000 tags',
      unit: 'ms',
      against: '1,000 tags',
      bar: pageBar,
    },
    {
      name: 'catalog-page/1000',
      title: 'a page of 100 of 100,000 repositories',
      unit: 'ms',
      against: '1,000 repositories',
      bar: pageBar,
    },
    {
      name: 'first-answer',
      title: 'from the start to the first manifest, at 100,000 manifests',
      unit: 's',
      against: null,
      bar: { of: 'value', atMost: 1 },
    },
  ],
  measure,
};

/** One repository with many tags, and many repositories with a tag each. */
function plansOf(entries: number): { readonly deep: Plan; readonly wide: Plan } {
  const common = {
    manifests: entries,
    tags: entries,
    layers: 1,
    blobs: 'shared',
    garbage: 0,
  } as const;
  return {
    deep: { ...common, project: 'deep', repositories: 1 },
    wide: { ...common, project: 'wide', repositories: entries },
  };
}

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  const { scale } = bench;
  const manyFolder = await generate(bench, 'many', scale.many);
  const fewFolder = await generate(bench, 'few', scale.few);
  const first = await firstAnswers(bench, manyFolder);

  await using many = await startBerth({ folder: manyFolder });
  await using few = await startBerth({ folder: fewFolder });
  const scope = 'repository:deep/app-0:pull registry:catalog:*';
  const tokens = { many: await many.token(scope), few: await few.token(scope) };
  const page = (berth: Berth, token: string, path: string) =>
    wrk(berth.pid, {
      url: berth.origin + path,
      // One at a time, so that the latency is what a page costs.
      connections: 1,
      seconds: scale.seconds,
      headers: { authorization: `Bearer ${token}` },
    });
  const tags = (entries: number) => pageOfTags(plansOf(entries).deep);
  const catalog = (entries: number) => pageOfCatalog(plansOf(entries).wide);
  const found = await inTurn(bench, {
    'few tags': () => page(few, tokens.few, tags(scale.few)),
    'many tags': () => page(many, tokens.many, tags(scale.many)),
    'few repositories': () => page(few, tokens.few, catalog(scale.few)),
    'many repositories': () => page(many, tokens.many, catalog(scale.many)),
  });
  return {
    'tags-page/1000': compared(found['many tags'], found['few tags']),
    'catalog-page/1000': compared(found['many repositories'], found['few repositories']),
    'first-answer': first,
  };
}

/** From the middle, where a list that is read from its beginning would show. */
function pageOfTags(plan: Plan): string {
  const last = encodeURIComponent(tagName(plan, plan.tags / 2));
  return `/v2/deep/app-0/tags/list?n=${pageSize}&last=${last}`;
}

function pageOfCatalog(plan: Plan): string {
  const last = encodeURIComponent(repositoryName(plan, plan.repositories / 2));
  return `/v2/_catalog?n=${pageSize}&last=${last}`;
}

function compared(many: readonly LoadResult[], few: readonly LoadResult[]): Measured {
  const mean = (results: readonly LoadResult[]) => medianOf(results, ({ latency }) => latency.mean);
  return {
    value: mean(many),
    ratio: mean(many) / mean(few),
    details: `${describeLoad(many)}; fewer: ${describeLoad(few)}`,
  };
}

async function generate(bench: Bench, name: string, entries: number): Promise<string> {
  const folder = join(bench.folder, name);
  mkdirSync(folder);
  bench.report(`making a registry of ${entries} tags and ${entries} repositories`);
  const { deep, wide } = plansOf(entries);
  await generateRegistry({ dataFolder: join(folder, 'berth') }, [deep, wide]);
  return folder;
}

/** Of a program that has run once already, as at any start but the very first. */
async function firstAnswers(bench: Bench, folder: string): Promise<Measured> {
  const path = `/v2/deep/app-0/manifests/${tagName(plansOf(bench.scale.many).deep, 0)}`;
  const before = await startBerth({ folder });
  const token = await before.token('repository:deep/app-0:pull');
  await before.stop();
  const { start } = await inTurn(bench, {
    start: async () => {
      const began = performance.now();
      await using berth = await launchBerth({ folder });
      const deadline = began + limit;
      while (!(await isAnswered(berth, path, token))) {
        if (performance.now() > deadline) throw new Error('Berth did not answer within a minute');
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return (performance.now() - began) / 1000;
    },
  });
  return { value: medianOf(start, (seconds) => seconds) };
}

async function isAnswered({ origin }: Berth, path: string, token: string): Promise<boolean> {
  try {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(origin + path, { headers });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
