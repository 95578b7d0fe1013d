import type { OutgoingHttpHeaders } from 'node:http';
import { type Digest, requireDigest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { BlobLost, type BlobStore, type ByteRange } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { matchesEntityTag, replyBodiless, replyEmpty } from '#server/http/replies.ts';
import { standingHeaders, writeHead } from '#server/http/reply-head.ts';
import type { Grants } from '#server/permissions/decide.ts';
import { decideOn, type RegistryAccess } from './access.ts';
import type { Grace } from './grace.ts';
import type { BlobRow, RegistryQueries } from './queries.ts';
import { parseRange } from './ranges.ts';
import { currentKeyOf } from './stored-blob-queries.ts';
import { renewBlobLink, unlinkBlob } from './writes/blobs.ts';

export interface BlobRoutes {
  get(exchange: AuthenticatedExchange, repository: string, digest: string): Promise<void>;
  delete(exchange: AuthenticatedExchange, repository: string, digest: string): Promise<void>;
}

export function createBlobRoutes(options: {
  access: RegistryAccess;
  database: Database;
  queries: RegistryQueries;
  store: BlobStore;
  grace: Grace;
  now: () => number;
}): BlobRoutes {
  const { access, database, queries, store, grace, now } = options;

  return {
    async get(exchange, repository, text) {
      const grants = await access.require(exchange, 'pull', repository);
      const { request, response } = exchange;
      const { headers } = request;
      const digest = requireDigest(text);
      const blob = await queries.blob(repository, digest);
      if (blob === undefined) return unknown(repository, digest);
      if (blob.lostAt !== null) return lost(repository, digest);
      if (request.method === 'HEAD') await promise(grants, repository, digest, blob);
      const entity: OutgoingHttpHeaders = {
        'Docker-Content-Digest': digest,
        ETag: `"${digest}"`,
        'Cache-Control': 'private, max-age=31536000, immutable',
      };
      if (matchesEntityTag(headers['if-none-match'], digest)) {
        return replyBodiless(exchange, 304, entity);
      }
      const ifRange = headers['if-range'];
      const outdated = typeof ifRange === 'string' && !matchesEntityTag(ifRange, digest);
      const range = outdated ? undefined : parseRange(headers.range, blob.size);
      if (range === 'unsatisfiable') {
        response.setHeader('Content-Range', `bytes */${blob.size}`);
        throw new OciError(
          'RANGE_INVALID',
          `The blob has ${blob.size} bytes, and the Range header asks for none of them.`,
        );
      }
      const { first, last } = range ?? { first: 0, last: blob.size - 1 };
      const head = {
        ...entity,
        'Accept-Ranges': 'bytes',
        'Content-Type': 'application/octet-stream',
        'Content-Length': last - first + 1,
        ...(range === undefined ? {} : { 'Content-Range': `bytes ${first}-${last}/${blob.size}` }),
      };
      const status = range === undefined ? 200 : 206;
      if (request.method === 'HEAD' || blob.size === 0) {
        writeHead(exchange, status, head);
      } else {
        await send(exchange, status, head, blob.storageKey, { first, last }).catch((error) =>
          explain(error, repository, digest, blob),
        );
      }
      response.end();
    },

    async delete(exchange, repository, text) {
      await access.require(exchange, 'delete', repository);
      const digest = requireDigest(text);
      const outcome = await database.write(unlinkBlob, { repository, digest });
      if (outcome === 'unknown') return unknown(repository, digest);
      if (outcome === 'in-use') {
        throw new OciError(
          'DENIED',
          `A manifest of ${repository} needs the blob ${digest}: delete that manifest first.`,
        );
      }
      replyEmpty(exchange, 202, {});
    },
  };

  /**
   * Keeps a blob that a pusher is told exists from being collected until its manifest arrives:
   * clients skip the upload.
   */
  async function promise(grants: Grants, repository: string, digest: Digest, blob: BlobRow) {
    if (now() - blob.linkedAt < grace.freshMilliseconds) return;
    if (!decideOn(grants, 'push', repository).allowed) return;
    const { id, repositoryId } = blob;
    const renewed = await database.write(renewBlobLink, { id, repositoryId, now: now() });
    if (!renewed) unknown(repository, digest);
  }

  /** A blob whose file went after the look for it was collected, or brought anew by another push. */
  async function explain(error: unknown, repository: string, digest: Digest, blob: BlobRow) {
    if (error instanceof BlobLost) {
      const current = await currentKeyOf(database.read, blob.id);
      if (current !== blob.storageKey) unknown(repository, digest);
    }
    throw error;
  }

  /** The head goes out with the first bytes, so that a lost blob can still be told as an error. */
  async function send(
    exchange: AuthenticatedExchange,
    status: number,
    head: OutgoingHttpHeaders,
    storageKey: string,
    range: ByteRange,
  ) {
    const { response } = exchange;
    for (const [name, value] of Object.entries({ ...standingHeaders(exchange), ...head })) {
      if (value !== undefined) response.setHeader(name, value);
    }
    response.statusCode = status;
    try {
      await store.send(storageKey, range, response);
    } catch (error) {
      if (!response.headersSent) for (const name of Object.keys(head)) response.removeHeader(name);
      throw error;
    }
  }
}

/** Clients push again what HEAD does not find, and so heal it. */
function lost(repository: string, digest: string): never {
  throw new OciError(
    'BLOB_UNKNOWN',
    `The bytes of the blob ${digest} of ${repository} were lost: push an image that contains it again, which heals it everywhere.`,
  );
}

function unknown(repository: string, digest: string): never {
  throw new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}.`);
}
