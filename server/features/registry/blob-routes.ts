import { requireDigest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import type { BlobStore, ByteRange } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import type { RegistryAccess } from './access.ts';
import type { RegistryQueries } from './queries.ts';
import { parseRange } from './ranges.ts';
import { matchesEntityTag, replyEmpty } from './replies.ts';
import { unlinkBlob } from './writes/blobs.ts';

export interface BlobRoutes {
  get(exchange: AuthenticatedExchange, repository: string, digest: string): Promise<void>;
  delete(exchange: AuthenticatedExchange, repository: string, digest: string): Promise<void>;
}

export function createBlobRoutes(options: {
  access: RegistryAccess;
  database: Database;
  queries: RegistryQueries;
  store: BlobStore;
}): BlobRoutes {
  const { access, database, queries, store } = options;

  return {
    async get(exchange, repository, text) {
      await access.require(exchange, 'pull', repository);
      const { request, response } = exchange;
      const digest = requireDigest(text);
      const blob = await queries.blob(repository, digest);
      if (blob === undefined) return unknown(repository, digest);
      const { headers } = request;
      response.setHeader('Docker-Content-Digest', digest);
      response.setHeader('ETag', `"${digest}"`);
      response.setHeader('Cache-Control', 'private, max-age=31536000, immutable');
      if (matchesEntityTag(headers['if-none-match'], digest)) {
        response.writeHead(304);
        response.end();
        return;
      }
      const ifRange = headers['if-range'];
      const outdated = typeof ifRange === 'string' && !matchesEntityTag(ifRange, digest);
      const range = outdated ? undefined : parseRange(headers.range, blob.size);
      if (range === 'unsatisfiable') {
        response.setHeader('Content-Range', `bytes */${blob.size}`);
        throw new OciError(
          'RANGE_INVALID',
          `The blob has ${blob.size} bytes: ask for some of them.`,
        );
      }
      const sent = range ?? { first: 0, last: blob.size - 1 };
      response.statusCode = range === undefined ? 200 : 206;
      response.setHeader('Accept-Ranges', 'bytes');
      response.setHeader('Content-Type', 'application/octet-stream');
      response.setHeader('Content-Length', sent.last - sent.first + 1);
      if (range !== undefined) {
        response.setHeader('Content-Range', `bytes ${sent.first}-${sent.last}/${blob.size}`);
      }
      if (request.method !== 'HEAD' && blob.size > 0) await send(exchange, blob.storageKey, sent);
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

  /** The head goes out with the first bytes, so that a lost blob can still be told as an error. */
  async function send({ response }: AuthenticatedExchange, storageKey: string, range: ByteRange) {
    try {
      await store.send(storageKey, range, response);
    } catch (error) {
      if (!response.headersSent) {
        for (const name of response.getHeaderNames()) {
          if (name.startsWith('content-') || name === 'etag') response.removeHeader(name);
        }
      }
      throw error;
    }
  }
}

function unknown(repository: string, digest: string): never {
  throw new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}.`);
}
