import { ChartParameters, ChartVersionParameters, MuseumDeleted } from '#contract/charts.ts';
import { ProjectParameters } from '#contract/projects.ts';
import { deleteManifest } from '#features/registry';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { type CatalogChart, catalogOf, servedVersion } from './catalog.ts';
import { unknownChart, unknownVersion } from './errors.ts';
import { authorizeByName } from './project-access.ts';
import { chartMetadata, selectCharts } from './queries.ts';
import { indexEntry } from './repository-index.ts';

const path = '/api/chartrepo/:project/charts';

/** What ChartMuseum tells of charts, and its way to delete them. */
export function addMuseumRoutes(
  application: RestApplication,
  { database, grace, now }: { database: Database; grace: number; now: () => number },
) {
  const { read } = database;

  application.get(
    path,
    {
      schema: {
        tags: ['chart'],
        summary: 'List the charts of a project and their versions, as ChartMuseum does',
        params: ProjectParameters,
      },
    },
    async (request) => {
      const { project } = request.params;
      const projectId = await authorizeByName(request, read, project, 'repository:pull');
      const charts = catalogOf(project, await selectCharts(read, { projectId }));
      return Object.fromEntries(
        await Promise.all(charts.map(async (chart) => [chart.name, await entriesOf(chart)])),
      );
    },
  );

  application.get(
    `${path}/:chart`,
    {
      schema: {
        tags: ['chart'],
        summary: 'List the versions of a chart, as ChartMuseum does',
        params: ChartParameters,
      },
    },
    async (request) => {
      const { project, chart: name } = request.params;
      const projectId = await authorizeByName(request, read, project, 'repository:pull');
      return entriesOf(await requireChart(project, projectId, name));
    },
  );

  application.get(
    `${path}/:chart/:version`,
    {
      schema: {
        tags: ['chart'],
        summary: 'Read a version of a chart, as ChartMuseum does',
        params: ChartVersionParameters,
      },
    },
    async (request) => {
      const { project, chart: name, version } = request.params;
      const projectId = await authorizeByName(request, read, project, 'repository:pull');
      const chart = await requireChart(project, projectId, name);
      const entries = await entriesOf(chart);
      const entry = entries.find((candidate) => candidate.version === version);
      if (entry === undefined) throw unknownVersion(project, name, version);
      return entry;
    },
  );

  application.delete(
    `${path}/:chart/:version`,
    {
      schema: {
        tags: ['chart'],
        summary: 'Delete a version of a chart with its artifact',
        params: ChartVersionParameters,
        response: { 200: MuseumDeleted },
      },
    },
    async (request) => {
      const { project, chart: name, version } = request.params;
      const projectId = await authorizeByName(request, read, project, 'artifact:delete');
      const { repository } = await requireChart(project, projectId, name);
      const rows = await selectCharts(read, { projectId, names: [name] });
      const doomed = rows.filter(
        (row) => row.repository === repository && row.version === version && row.tags.length > 0,
      );
      if (doomed.length === 0) throw unknownVersion(project, name, version);
      const by = describePrincipal(request.caller.principal);
      for (const { digest } of doomed) {
        const linkedBefore = now() - grace;
        await database.write(deleteManifest, { repository, digest, linkedBefore, by, now: now() });
      }
      return { deleted: true };
    },
  );

  async function requireChart(
    project: string,
    projectId: number,
    name: string,
  ): Promise<CatalogChart> {
    const charts = catalogOf(project, await selectCharts(read, { projectId, names: [name] }));
    const chart = charts.find((candidate) => candidate.name === name);
    if (chart === undefined) throw unknownChart(project, name);
    return chart;
  }

  async function entriesOf({ versions }: CatalogChart) {
    const served = versions.flatMap((version) => servedVersion(version) ?? []);
    const metadata = await chartMetadata(
      read,
      served.map(({ row }) => row.manifestId),
    );
    return served.flatMap((version) => {
      const text = metadata.get(version.row.manifestId);
      return text === undefined ? [] : [indexEntry(version, text)];
    });
  }
}
