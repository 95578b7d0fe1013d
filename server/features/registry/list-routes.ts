import { requireDigest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { catalogScope, type LoadGrants } from '#server/http/access.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { Unauthorized } from '#server/http/unauthorized.ts';
import { decide, systemResource } from '#server/permissions/decide.ts';
import type { RegistryAccess } from './access.ts';
import { nextLink, readPageRequest } from './pages.ts';
import type { ReferrerRow, RegistryQueries } from './queries.ts';
import { replyJson } from './replies.ts';

/** Clients read at most 4 MiB of a list: 10,000 tags of 128 characters stay below it. */
const tagPages = { standard: 10_000, maximum: 10_000 };
const catalogPages = { standard: 100, maximum: 10_000 };
/** An index of referrers must stay below 4 MiB too, annotations included. */
const referrersAtOnce = 500;
const catalogActions = `${catalogScope}:*`;

export interface ListRoutes {
  tags(exchange: AuthenticatedExchange, repository: string): Promise<void>;
  catalog(exchange: AuthenticatedExchange): Promise<void>;
  referrers(exchange: AuthenticatedExchange, repository: string, digest: string): Promise<void>;
}

export function createListRoutes(options: {
  access: RegistryAccess;
  loadGrants: LoadGrants;
  queries: RegistryQueries;
}): ListRoutes {
  const { access, loadGrants, queries } = options;

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
      const { caller } = exchange;
      if (caller.scope !== undefined && !caller.scope.get(catalogScope)?.has('*')) {
        throw new Unauthorized(
          `The token was not asked for the catalog: ask for ${catalogActions}.`,
          {
            scope: catalogActions,
            challengeError: 'insufficient_scope',
          },
        );
      }
      const page = readPageRequest(exchange.query, catalogPages);
      const grants = await loadGrants(caller.principal, 'all');
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
      const artifactType = exchange.query.get('artifactType') ?? undefined;
      const after = readPosition(exchange.query.get('last'));
      const rows = await queries.referrers(repository, subject, {
        artifactType,
        after,
        count: referrersAtOnce + 1,
      });
      const shown = rows.slice(0, referrersAtOnce);
      const last = shown.at(-1);
      replyJson(
        exchange,
        200,
        { schemaVersion: 2, mediaType: mediaTypes.oci.index, manifests: shown.map(descriptorOf) },
        {
          'Content-Type': mediaTypes.oci.index,
          ...(artifactType === undefined ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
          ...(last === undefined || rows.length === shown.length
            ? {}
            : {
                Link: nextLink(`/v2/${repository}/referrers/${subject}`, {
                  ...(artifactType === undefined ? {} : { artifactType }),
                  last: String(last.id),
                }),
              }),
        },
      );
    },
  };
}

function linkHeader(more: boolean, path: string, count: number, shown: readonly string[]) {
  const last = shown.at(-1);
  return more && last !== undefined ? { Link: nextLink(path, { n: String(count), last }) } : {};
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
