import type { FastifyRequest } from 'fastify';
import { MuseumSaved, MuseumUploadQuery } from '#contract/charts.ts';
import { ProjectParameters } from '#contract/projects.ts';
import { pusherOf } from '#features/registry';
import { Refusal } from '#lib/errors.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import { authorize, type RestApplication } from '#server/http/rest/index.ts';
import type { Grants } from '#server/permissions/decide.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { authorizeByName } from './project-access.ts';
import { type PublishChart, signedDigests } from './publish.ts';
import { archiveOf, selectCharts } from './queries.ts';
import { maximumProvenanceBytes } from './reader.ts';
import { maximumUploadBytes, readUploadBody, type UploadedFiles } from './upload-body.ts';

/** What `helm cm-push`, and pipelines made for ChartMuseum, push charts by. */
export function addMuseumUploadRoutes(
  application: RestApplication,
  options: { database: Database; store: BlobStore; publish: PublishChart },
) {
  const { database, store, publish } = options;
  const { read } = database;

  // Bodies of every type are bytes here, so the routes have a scope of their own.
  application.register(async (scope: RestApplication) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body);
    });

    scope.post(
      '/api/chartrepo/:project/charts',
      {
        bodyLimit: maximumUploadBytes,
        onRequest: mayPush,
        schema: {
          tags: ['chart'],
          summary: 'Upload a packaged chart: its bytes, or a form with the fields chart and prov',
          params: ProjectParameters,
          querystring: MuseumUploadQuery,
          response: { 201: MuseumSaved },
        },
      },
      async (request, reply) => {
        const { chart, provenance } = await filesOf(request, 'chart');
        if (chart === undefined || chart.length === 0) {
          throw new Refusal(
            'invalid',
            'The upload has no chart: send the archive as the body, or as the field "chart" of a form.',
          );
        }
        await publish({
          folder: request.params.project,
          archive: chart,
          provenance,
          force: isSet(request.query.force),
          ...uploader(await mayPush(request)),
        });
        return reply.code(201).send({ saved: true });
      },
    );

    scope.post(
      '/api/chartrepo/:project/prov',
      {
        bodyLimit: maximumUploadBytes,
        onRequest: mayPush,
        schema: {
          tags: ['chart'],
          summary: 'Add provenance to a chart that was uploaded without it',
          params: ProjectParameters,
          response: { 201: MuseumSaved },
        },
      },
      async (request, reply) => {
        const { provenance } = await filesOf(request, 'provenance');
        if (provenance === undefined || provenance.length === 0) {
          throw new Refusal(
            'invalid',
            'The upload has no provenance: send the file as the body, or as the field "prov" of a form.',
          );
        }
        const { project } = request.params;
        const archive = await signedArchive(request, project, provenance);
        const by = uploader(await mayPush(request));
        await publish({ folder: project, archive, provenance, force: true, ...by });
        return reply.code(201).send({ saved: true });
      },
    );
  });

  async function signedArchive(
    request: FastifyRequest,
    project: string,
    provenance: Uint8Array,
  ): Promise<Uint8Array> {
    const projectId = await authorizeByName(request, read, project, 'repository:push');
    const digests = signedDigests(provenance);
    const rows = await selectCharts(read, { projectId });
    const row = rows.find(
      ({ archiveDigest, name, repository, tags }) =>
        archiveDigest !== null &&
        digests.includes(archiveDigest) &&
        tags.length > 0 &&
        repository === `${project}/${name}`,
    );
    const digest = row?.archiveDigest ?? undefined;
    const archive =
      row === undefined || digest === undefined
        ? undefined
        : await archiveOf(read, row.repository, digest);
    if (archive === undefined || archive.size > maximumUploadBytes) {
      throw new Refusal(
        'invalid',
        `The provenance file signs no chart of project ${project}: upload the chart first.`,
      );
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of await store.read(archive.storageKey)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}

/** Runs before a body is read at all, and again once it has been. */
async function mayPush(request: FastifyRequest): Promise<Grants> {
  const { project } = request.params as { project: string };
  return authorize(request, 'repository:push', { kind: 'project', project });
}

function uploader(grants: Grants) {
  return { pusher: pusherOf(grants), by: describePrincipal(grants.principal) };
}

async function filesOf(
  request: FastifyRequest,
  whole: keyof UploadedFiles,
): Promise<UploadedFiles> {
  const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
  const files = await readUploadBody(body, request.headers['content-type'], whole);
  if (files.provenance !== undefined && files.provenance.length > maximumProvenanceBytes) {
    throw new Refusal(
      'too-large',
      `The provenance file has more than the ${maximumProvenanceBytes} bytes that are accepted.`,
    );
  }
  return files;
}

function isSet(force: string | undefined): boolean {
  return force !== undefined && force !== 'false' && force !== '0';
}
