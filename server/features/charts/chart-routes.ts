import { Type } from 'typebox';
import {
  Chart,
  ChartDetail,
  ChartListQuery,
  ChartParameters,
  ChartQuery,
  ChartVersion,
  ChartVersionParameters,
} from '#contract/charts.ts';
import { ProjectParameters, ResourceNameHeaders } from '#contract/projects.ts';
import { authorizeProject } from '#features/projects';
import type { Database } from '#server/database/database.ts';
import {
  describePage,
  pageOf,
  parseSort,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import { type CatalogChart, catalogOf, catalogOfRepository } from './catalog.ts';
import { detailBody, versionBody } from './detail.ts';
import { unknownChart, unknownVersion } from './errors.ts';
import { type ChartMetadata, helmFields } from './metadata.ts';
import { chartMetadata, chartTexts, selectCharts } from './queries.ts';

const sorts = ['name', 'creation_time'] as const;

/** The charts of a project, by their own names and versions. */
export function addChartRoutes(application: RestApplication, database: Database) {
  const { read } = database;
  const path = `${restPrefix}/projects/:project/charts`;
  const common = { headers: ResourceNameHeaders, tags: ['chart'] };

  application.get(
    path,
    {
      schema: {
        ...common,
        summary: 'List the charts of a project',
        params: ProjectParameters,
        querystring: ChartListQuery,
        response: { 200: Type.Array(Chart) },
      },
    },
    async (request, reply) => {
      const project = await authorizeProject(request, read, 'artifact:list');
      const page = pageOf(request.query);
      const part = request.query.name?.toLowerCase() ?? '';
      const charts = catalogOf(project.name, await selectCharts(read, { projectId: project.id }))
        .filter(({ name }) => name.toLowerCase().includes(part))
        .sort(orderOf(parseSort(request.query.sort, sorts)));
      describePage(request, reply, page, charts.length);
      const shown = charts.slice(page.offset, page.offset + page.limit);
      const metadata = await chartMetadata(
        read,
        shown.map(({ latest }) => latest.row.manifestId),
      );
      return shown.map((chart) => {
        const text = metadata.get(chart.latest.row.manifestId);
        return chartBody(chart, text === undefined ? {} : helmFields(JSON.parse(text)));
      });
    },
  );

  application.get(
    `${path}/:chart`,
    {
      schema: {
        ...common,
        summary: 'List the versions of a chart, the highest first',
        params: ChartParameters,
        querystring: ChartQuery,
        response: { 200: Type.Array(ChartVersion) },
      },
    },
    async (request) => {
      const project = await authorizeProject(request, read, 'artifact:list');
      const { chart: name } = request.params;
      const { versions } = await requireChart(project, name, request.query.repository);
      return versions.map((version) => versionBody(name, version));
    },
  );

  application.get(
    `${path}/:chart/:version`,
    {
      schema: {
        ...common,
        summary: 'Read a version of a chart',
        params: ChartVersionParameters,
        querystring: ChartQuery,
        response: { 200: ChartDetail },
      },
    },
    async (request) => {
      const project = await authorizeProject(request, read, 'artifact:read');
      const { chart: name, version: wanted } = request.params;
      const { versions } = await requireChart(project, name, request.query.repository);
      const version = versions.find((candidate) => candidate.version === wanted);
      const texts =
        version === undefined ? undefined : await chartTexts(read, version.row.manifestId);
      if (version === undefined || texts === undefined) {
        throw unknownVersion(project.name, name, wanted);
      }
      return detailBody(name, version, texts);
    },
  );

  async function requireChart(
    project: { readonly id: number; readonly name: string },
    name: string,
    repository: string | undefined,
  ): Promise<CatalogChart> {
    const rows = await selectCharts(read, { projectId: project.id, names: [name] });
    const chart =
      repository === undefined
        ? catalogOf(project.name, rows).find((candidate) => candidate.name === name)
        : catalogOfRepository(name, repository, rows);
    if (chart === undefined) throw unknownChart(project.name, name);
    return chart;
  }
}

function orderOf(keys: ReturnType<typeof parseSort<(typeof sorts)[number]>>) {
  return (one: CatalogChart, other: CatalogChart): number => {
    for (const { field, falling } of keys) {
      const order =
        field === 'name'
          ? Number(one.name > other.name) - Number(one.name < other.name)
          : one.latest.row.createdAt - other.latest.row.createdAt;
      if (order !== 0) return falling ? -order : order;
    }
    return 0;
  };
}

function chartBody(chart: CatalogChart, metadata: ChartMetadata): Chart {
  const { name, repository, latest, versions, conflicts } = chart;
  return {
    name,
    repository,
    latest: versionBody(name, latest),
    versions: versions.length,
    ...(metadata.description !== undefined && { description: metadata.description }),
    ...(metadata.icon !== undefined && { icon: metadata.icon }),
    deprecated: metadata.deprecated ?? false,
    conflicts: [...conflicts],
  };
}
