import { Refusal } from '#lib/errors.ts';
import { requireDigest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { mediaTypes } from '#oci/media-types.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { replyJson } from '#server/http/replies.ts';
import { decide, systemResource } from '#server/permissions/decide.ts';
import type { RegistryAccess } from './access.ts';
import { nextLink, readPageRequest } from './pages.ts';
import type { ReferrerRow, RegistryQueries } from './queries.ts';

/** Clients read at most 4 MiB of a list: 10,000 tags of 128 characters stay below it. */
const tagPages = { standard: 10_000, maximum: 10_000 };
const catalogPages = { standard: 100, maximum: 10_000 };
/** Of descriptors with their annotations, which stay below 4 MiB so. */
const referrerPages = { maximumCount: 500, maximumBytes: 3 * 1024 * 1024 };

export interface ListRoutes {
  tags(exchange: AuthenticatedExchange, repository: string): Promise<void>;
  catalog(exchange: AuthenticatedExchange): Promise<void>;
  referrers(exchange: AuthenticatedExchange, repository: string, digest: string): Promise<void>;
}

export function createListRoutes(options: {
  access: RegistryAccess;
  queries: RegistryQueries;
}): ListRoutes {
  const { access, queries } = options;

  return {
    async tags(exchange, repository) {
      await access.require(exchange, 'pull', repository);
      const page = readPageRequest(exchange.query, tagPages);
      const found = await queries.repository(repository);
      if (found === undefined) {
        throw new OciError(
          'NAME_UNKNOWN',
          `There is no repository ${repository}: check its spelling, or push to it first.`,
        );
      }
      const tags =
        page.count === 0 ? [] : await queries.tags(found.id, { ...page, count: page.count + 1 });
      const shown = tags.slice(0, page.count);
      replyJson(
        exchange,
        200,
        { name: repository, tags: shown },
        linkHeader(tags.length > shown.length, `/v2/${repository}/tags/list`, page.count, shown),
      );
    },

    async catalog(exchange) {
      const grants = await access.requireCatalog(exchange);
      const page = readPageRequest(exchange.query, catalogPages);
      const projects = decide(grants, 'catalog:read', systemResource).allowed
        ? ('all' as const)
        : [...grants.projects.keys()].filter(
            (project) => decide(grants, 'repository:pull', { kind: 'project', project }).allowed,
          );
      const names =
        page.count === 0 || projects.length === 0
          ? []
          : await queries.repositories(projects, { ...page, count: page.count + 1 });
      const shown = names.slice(0, page.count);
      replyJson(
        exchange,
        200,
        { repositories: shown },
        linkHeader(names.length > shown.length, '/v2/_catalog', page.count, shown),
      );
    },

    async referrers(exchange, repository, text) {
      await access.require(exchange, 'pull', repository);
      const subject = requireDigest(text);
      const artifactType = readArtifactType(exchange.query.get('artifactType'));
      const { rows, more } = await queries.referrers(repository, subject, {
        ...referrerPages,
        artifactType,
        after: readPosition(exchange.query.get('last')),
      });
      const filter = artifactType === undefined ? {} : { artifactType };
      const next = { ...filter, last: String(rows.at(-1)?.id) };
      replyJson(
        exchange,
        200,
        { schemaVersion: 2, mediaType: mediaTypes.oci.index, manifests: rows.map(descriptorOf) },
        {
          'Content-Type': mediaTypes.oci.index,
          ...(artifactType === undefined ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
          ...(more ? { Link: nextLink(`/v2/${repository}/referrers/${subject}`, next) } : {}),
        },
      );
    },
  };
}

function linkHeader(more: boolean, path: string, count: number, shown: readonly string[]) {
  const last = shown.at(-1);
  return more && last !== undefined ? { Link: nextLink(path, { n: String(count), last }) } : {};
}

function readArtifactType(text: string | null): string | undefined {
  if (text === null || text === '') return undefined;
  if (/^[\x20-\x7e]{1,255}$/.test(text)) return text;
  throw new Refusal('invalid', 'artifactType must be a media type of at most 255 characters.');
}

function readPosition(last: string | null): number {
  if (last === null) return 0;
  if (/^\d{1,15}$/.test(last)) return Number(last);
  throw new OciError(
    'PAGINATION_NUMBER_INVALID',
    'last must be what the Link header of the page before said.',
  );
}

function descriptorOf(row: ReferrerRow) {
  const annotations: Record<string, string> = JSON.parse(row.annotations);
  return {
    mediaType: row.mediaType,
    digest: row.digest,
    size: row.size,
    ...(row.artifactType === null ? {} : { artifactType: row.artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}
