import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ProjectParameters } from '#contract/projects.ts';
import { Refusal } from '#lib/errors.ts';
import { digestOf } from '#oci/digest.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { type CatalogChart, catalogOf, type ServedVersion, servedVersion } from './catalog.ts';
import { shown } from './errors.ts';
import { authorizeByName } from './project-access.ts';
import { archiveOf, chartMetadata, chartTexts, selectCharts } from './queries.ts';
import { archivePath, renderIndex } from './repository-index.ts';

const maximumDashes = 128;

const FileParameters = Type.Intersect([
  ProjectParameters,
  Type.Object({ file: Type.String({ minLength: 1, maxLength: 512 }) }),
]);

/** What `helm repo add` reads: the charts of a project as a classic repository. */
export function addRepositoryRoutes(
  application: RestApplication,
  { database, store }: { database: Database; store: BlobStore },
) {
  const { read } = database;

  application.get(
    '/chartrepo/:project/index.yaml',
    {
      schema: {
        tags: ['chart'],
        summary: "The index of a project's charts, for helm repo add",
        params: ProjectParameters,
      },
    },
    async (request, reply) => {
      const { project } = request.params;
      const projectId = await authorizeByName(request, read, project, 'repository:pull');
      const charts = catalogOf(project, await selectCharts(read, { projectId }));
      const ids = charts.flatMap(({ versions }) => versions.map(({ row }) => row.manifestId));
      const metadata = await chartMetadata(read, ids);
      const body = renderIndex(charts, (manifestId) => metadata.get(manifestId));
      reply.header('etag', `"${digestOf('sha256', body)}"`);
      reply.header('cache-control', 'private, no-cache');
      if (isFresh(request, reply)) return reply.code(304).send();
      return reply.type('application/yaml; charset=utf-8').send(body);
    },
  );

  application.get(
    '/chartrepo/:project/charts/:file',
    {
      schema: {
        tags: ['chart'],
        summary:
          'An archive of a chart, NAME-VERSION.tgz, or its provenance, NAME-VERSION.tgz.prov',
        params: FileParameters,
      },
    },
    async (request, reply) => {
      const { project, file } = request.params;
      const projectId = await authorizeByName(request, read, project, 'repository:pull');
      const archiveFile = file.endsWith('.prov') ? file.slice(0, -'.prov'.length) : file;
      const rows = await selectCharts(read, { projectId, names: namesIn(archiveFile) });
      const served = findServed(catalogOf(project, rows), archiveFile);
      if (served === undefined) throw unknownFile(project, file);
      if (archiveFile === file) return sendArchive(request, reply, served);
      const texts = await chartTexts(read, served.row.manifestId);
      if (texts === undefined || texts.provenance === null) throw unknownFile(project, file);
      return reply.type('text/plain; charset=utf-8').send(texts.provenance);
    },
  );

  async function sendArchive(request: FastifyRequest, reply: FastifyReply, served: ServedVersion) {
    const { archiveDigest, row } = served;
    reply.header('etag', `"${archiveDigest}"`);
    reply.header('cache-control', 'private, no-cache');
    if (isFresh(request, reply)) return reply.code(304).send();
    const archive = await archiveOf(read, row.repository, archiveDigest);
    if (archive === undefined) {
      throw new Refusal(
        'not-found',
        `The archive ${archiveDigest} is no longer in ${row.repository}: push the chart again.`,
      );
    }
    reply.type('application/gzip').header('content-length', archive.size);
    // HEAD runs this route too, and would have the whole archive read for nothing.
    const isHead = request.method === 'HEAD';
    return reply.send(isHead ? Readable.from([]) : await store.read(archive.storageKey));
  }
}

/** RFC 9110 section 13.1.2. */
function isFresh(request: FastifyRequest, reply: FastifyReply): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  const own = reply.getHeader('etag');
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === own);
}

/** Every name that NAME-VERSION.tgz may begin with: names and versions have dashes too. */
function namesIn(file: string): string[] {
  const parts = file.split('-', maximumDashes);
  return parts.map((_, index) => parts.slice(0, index + 1).join('-'));
}

function findServed(charts: readonly CatalogChart[], file: string): ServedVersion | undefined {
  const path = `charts/${file}`;
  for (const chart of charts) {
    for (const version of chart.versions) {
      const served = servedVersion(version);
      if (served !== undefined && archivePath(served) === path) return served;
    }
  }
  return undefined;
}

function unknownFile(project: string, file: string): Refusal {
  return new Refusal(
    'not-found',
    `Project ${project} serves no ${shown(file)}: run helm repo update, then helm search repo.`,
  );
}
