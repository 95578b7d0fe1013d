import { isTagName, nameRules } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import { OciError } from '#oci/errors.ts';
import { maximumManifestBytes } from '#oci/manifest.ts';
import { parseManifestReference } from '#oci/reference.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { matchesEntityTag, replyBodiless, replyEmpty } from '#server/http/replies.ts';
import { writeFlatHead } from '#server/http/reply-head.ts';
import { readBody } from '#server/http/request-body.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { decideOn, type RegistryAccess } from './access.ts';
import type { ManifestBody } from './manifest-cache.ts';
import type { Manifests } from './manifests.ts';
import { pusherOf } from './pusher.ts';
import type { ManifestRow } from './queries.ts';

const maximumTagsAtOnce = 100;

export interface ManifestRoutes {
  get(exchange: AuthenticatedExchange, repository: string, reference: string): MaybePromise<void>;
  put(exchange: AuthenticatedExchange, repository: string, reference: string): Promise<void>;
  delete(exchange: AuthenticatedExchange, repository: string, reference: string): Promise<void>;
}

export function createManifestRoutes(access: RegistryAccess, manifests: Manifests): ManifestRoutes {
  return {
    get: (exchange, repository, text) =>
      chain(access.require(exchange, 'pull', repository), (grants) => {
        const reference = parseManifestReference(text);
        return chain(manifests.find(repository, reference), (row) => {
          // What a tag names is kept by its tag.
          const looksBeforePush = exchange.request.method === 'HEAD' && reference.kind === 'digest';
          return looksBeforePush && decideOn(grants, 'push', repository).allowed
            ? manifests.promise(row).then(() => reply(exchange, row))
            : reply(exchange, row);
        });
      }),

    async put(exchange, repository, text) {
      const grants = await access.require(exchange, 'push', repository);
      const reference = parseManifestReference(text);
      const tags = readTags(exchange.query, reference.kind);
      const bytes = await readBody(exchange, maximumManifestBytes, 'The manifest');
      const { digest, subject } = await manifests.push({
        repository,
        reference,
        tags,
        contentType: exchange.request.headers['content-type'],
        bytes,
        pusher: pusherOf(grants),
        by: describePrincipal(exchange.caller.principal),
      });
      replyEmpty(exchange, 201, {
        Location: `/v2/${repository}/manifests/${digest}`,
        'Docker-Content-Digest': digest,
        ...(subject === undefined ? {} : { 'OCI-Subject': subject }),
        ...(tags.length === 0 ? {} : { 'OCI-Tag': tags }),
      });
    },

    async delete(exchange, repository, text) {
      await access.require(exchange, 'delete', repository);
      await manifests.delete(
        repository,
        parseManifestReference(text),
        describePrincipal(exchange.caller.principal),
      );
      replyEmpty(exchange, 202, {});
    },
  };

  function reply(exchange: AuthenticatedExchange, row: ManifestRow): MaybePromise<void> {
    const { headers, method } = exchange.request;
    if (matchesEntityTag(headers['if-none-match'], row.digest)) {
      return replyBodiless(exchange, 304, {
        'Docker-Content-Digest': row.digest,
        ETag: `"${row.digest}"`,
      });
    }
    if (method === 'HEAD') return replyWith(exchange, row, undefined);
    // Read before the head is written: the manifest may have been deleted a moment ago.
    return chain(manifests.body(row), (body) => replyWith(exchange, row, body));
  }
}

function replyWith(
  exchange: AuthenticatedExchange,
  { mediaType, size, digest }: ManifestRow,
  body: ManifestBody | undefined,
): void {
  writeFlatHead(exchange, 200, [
    'Content-Type',
    mediaType,
    'Content-Length',
    String(size),
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
  ]);
  exchange.response.end(body, 'latin1');
}

/** The `?tag=` parameters of a push by digest. */
function readTags(query: URLSearchParams, pushedBy: 'tag' | 'digest'): string[] {
  const tags = [...new Set(query.getAll('tag'))];
  if (tags.length === 0) return tags;
  if (pushedBy === 'tag') {
    throw new Refusal('invalid', 'The tag parameter belongs to a push by digest, not by tag.');
  }
  if (tags.length > maximumTagsAtOnce) {
    throw new Refusal('invalid', `At most ${maximumTagsAtOnce} tags can be given at once.`);
  }
  for (const tag of tags) {
    if (!isTagName(tag)) {
      throw new OciError('TAG_INVALID', `A tag parameter is not valid: it must ${nameRules.tag}.`);
    }
  }
  return tags;
}
