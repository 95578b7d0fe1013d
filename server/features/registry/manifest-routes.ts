import { isTagName, nameRules } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { maximumManifestBytes } from '#oci/manifest.ts';
import { parseManifestReference } from '#oci/reference.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { matchesEntityTag, replyBodiless, replyEmpty } from '#server/http/replies.ts';
import { writeHead } from '#server/http/reply-head.ts';
import { readBody } from '#server/http/request-body.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import type { RegistryAccess } from './access.ts';
import type { Manifests } from './manifests.ts';
import { pusherOf } from './pusher.ts';

const maximumTagsAtOnce = 100;

export interface ManifestRoutes {
  get(exchange: AuthenticatedExchange, repository: string, reference: string): Promise<void>;
  put(exchange: AuthenticatedExchange, repository: string, reference: string): Promise<void>;
  delete(exchange: AuthenticatedExchange, repository: string, reference: string): Promise<void>;
}

export function createManifestRoutes(access: RegistryAccess, manifests: Manifests): ManifestRoutes {
  return {
    async get(exchange, repository, text) {
      await access.require(exchange, 'pull', repository);
      const { request, response } = exchange;
      const row = await manifests.find(repository, parseManifestReference(text));
      const entity = { 'Docker-Content-Digest': row.digest, ETag: `"${row.digest}"` };
      if (matchesEntityTag(request.headers['if-none-match'], row.digest)) {
        return replyBodiless(exchange, 304, entity);
      }
      // Read before the head is written: the manifest may have been deleted a moment ago.
      const bytes = request.method === 'HEAD' ? undefined : await manifests.bytes(row);
      writeHead(exchange, 200, {
        'Content-Type': row.mediaType,
        'Content-Length': row.size,
        ...entity,
      });
      response.end(bytes);
    },

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
