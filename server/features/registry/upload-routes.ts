import type { OutgoingHttpHeaders } from 'node:http';
import { isDigestAlgorithm, requireDigest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { requireRepositoryName } from '#oci/reference.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { replyBodiless, replyEmpty } from '#server/http/replies.ts';
import { bodyChunks, declaredLength, hasNoBody } from '#server/http/request-body.ts';
import { projectOf } from '#server/permissions/decide.ts';
import type { RegistryAccess } from './access.ts';
import { pusherOf } from './pusher.ts';
import type { RegistryQueries } from './queries.ts';
import { parseContentRange, uploadRange } from './ranges.ts';
import { type Chunk, OutOfOrder, type Uploads } from './uploads.ts';

/** Repositories looked at for a mount that names no source. */
const mountCandidates = 50;

export interface UploadRoutes {
  begin(exchange: AuthenticatedExchange, repository: string): Promise<void>;
  status(exchange: AuthenticatedExchange, repository: string, id: string): Promise<void>;
  append(exchange: AuthenticatedExchange, repository: string, id: string): Promise<void>;
  finish(exchange: AuthenticatedExchange, repository: string, id: string): Promise<void>;
  cancel(exchange: AuthenticatedExchange, repository: string, id: string): Promise<void>;
}

export function createUploadRoutes(options: {
  access: RegistryAccess;
  queries: RegistryQueries;
  uploads: Uploads;
}): UploadRoutes {
  const { access, queries, uploads } = options;

  return {
    async begin(exchange, repository) {
      const { query } = exchange;
      const mount = query.get('mount');
      const from = mount === null ? null : query.get('from');
      const source = from === null ? undefined : requireRepositoryName(from);
      const grants = await access.require(exchange, 'push', repository, source);
      const algorithm = query.get('digest-algorithm');
      if (algorithm !== null && !isDigestAlgorithm(algorithm)) requireDigest(`${algorithm}:`);
      const pusher = pusherOf(grants);

      if (mount !== null) {
        const digest = requireDigest(mount);
        const sources = await mountSources(exchange, digest, source, repository);
        if (await uploads.mount(sources, { repository, digest, pusher })) {
          return replyCreated(exchange, repository, digest);
        }
      }
      const text = query.get('digest');
      if (text === null || mount !== null) {
        return replyOpen(exchange, 202, repository, await uploads.begin(repository), 0);
      }
      const digest = requireDigest(text);
      await uploads.receive(chunkOf(exchange), { repository, digest, pusher });
      replyCreated(exchange, repository, digest);
    },

    async status(exchange, repository, id) {
      await access.requireUpload(exchange, repository);
      replyOpen(exchange, 204, repository, id, await uploads.offset(repository, id));
    },

    async append(exchange, repository, id) {
      await access.requireUpload(exchange, repository);
      await inOrder(exchange, repository, id, async () => {
        const chunk = chunkOf(exchange) ?? { bytes: bodyChunks(exchange) };
        const offset = await uploads.append(repository, id, chunk);
        replyOpen(exchange, 202, repository, id, offset);
      });
    },

    async finish(exchange, repository, id) {
      const grants = await access.requireUpload(exchange, repository);
      const text = exchange.query.get('digest');
      if (text === null) {
        throw new OciError('DIGEST_INVALID', 'Name the digest of the whole blob: ?digest=sha256:…');
      }
      const digest = requireDigest(text);
      await inOrder(exchange, repository, id, async () => {
        const pusher = pusherOf(grants);
        await uploads.finish(id, chunkOf(exchange), { repository, digest, pusher });
        replyCreated(exchange, repository, digest);
      });
    },

    async cancel(exchange, repository, id) {
      await access.requireUpload(exchange, repository);
      await uploads.cancel(repository, id);
      replyEmpty(exchange, 204, {});
    },
  };

  /** The repositories that prove the caller's right to the blob. */
  async function mountSources(
    exchange: AuthenticatedExchange,
    digest: string,
    source: string | undefined,
    target: string,
  ): Promise<string[]> {
    const candidates =
      source === undefined
        ? await queries.repositoriesWithBlob(digest, projectOf(target), mountCandidates)
        : [source];
    const allowed: string[] = [];
    for (const candidate of candidates) {
      if (await access.mayMount(exchange, candidate, target)) allowed.push(candidate);
    }
    return allowed;
  }
}

/** The body of a request as a chunk; undefined when it announces none. */
function chunkOf(exchange: AuthenticatedExchange): Chunk | undefined {
  const { request } = exchange;
  const bytes = bodyChunks(exchange);
  const header = request.headers['content-range'];
  if (header === undefined) return hasNoBody(request) ? undefined : { bytes };
  const range = parseContentRange(header);
  if (range === undefined) {
    throw new OciError(
      'BLOB_UPLOAD_INVALID',
      'Content-Range must read FIRST-LAST, both inclusive.',
    );
  }
  const length = range.last - range.first + 1;
  const declared = declaredLength(request);
  if (declared !== undefined && declared !== length) {
    throw new OciError(
      'SIZE_INVALID',
      `Content-Range tells of ${length} bytes, but Content-Length of ${declared}.`,
    );
  }
  return { bytes, first: range.first, length };
}

/** A chunk out of order is a 416 that tells where the upload ends, so that the client can go on. */
async function inOrder(
  exchange: AuthenticatedExchange,
  repository: string,
  id: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof OutOfOrder)) throw error;
    for (const [name, value] of Object.entries(openHeaders(repository, id, error.offset))) {
      exchange.response.setHeader(name, value);
    }
    throw new OciError(
      'RANGE_INVALID',
      `The chunk does not begin where the upload ends: go on at byte ${error.offset}.`,
    );
  }
}

function openHeaders(repository: string, id: string, offset: number) {
  return {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: uploadRange(offset),
    'Docker-Upload-UUID': id,
  };
}

function replyOpen(
  exchange: AuthenticatedExchange,
  status: number,
  repository: string,
  id: string,
  offset: number,
): void {
  const headers: OutgoingHttpHeaders = openHeaders(repository, id, offset);
  if (status === 204) replyBodiless(exchange, status, headers);
  else replyEmpty(exchange, status, headers);
}

function replyCreated(exchange: AuthenticatedExchange, repository: string, digest: string): void {
  replyEmpty(exchange, 201, {
    Location: `/v2/${repository}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  });
}
