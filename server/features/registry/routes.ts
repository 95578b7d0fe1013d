import { OciError } from '#oci/errors.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { Unauthorized } from '#server/http/unauthorized.ts';
import type { BlobRoutes } from './blob-routes.ts';
import type { ListRoutes } from './list-routes.ts';
import type { ManifestRoutes } from './manifest-routes.ts';
import { parseRegistryPath, type RegistryPath } from './paths.ts';
import { replyJson } from './replies.ts';
import type { UploadRoutes } from './upload-routes.ts';

export interface RegistryRoutes {
  readonly blobs: BlobRoutes;
  readonly lists: ListRoutes;
  readonly manifests: ManifestRoutes;
  readonly uploads: UploadRoutes;
}

/** Answers every request below `/v2/`: distribution specification, section "Endpoints". */
export function createRegistryHandler(routes: RegistryRoutes) {
  return async (exchange: AuthenticatedExchange): Promise<void> => {
    const path = parseRegistryPath(exchange.path);
    if (path === undefined) {
      throw new OciError('NAME_UNKNOWN', 'There is no such endpoint below /v2/.');
    }
    const reply = choose(routes, exchange, path);
    if (reply === undefined) {
      throw new OciError(
        'UNSUPPORTED',
        `${exchange.request.method} does not apply to ${exchange.path.slice(0, 300)}.`,
      );
    }
    await reply;
  };
}

/** The reply under way; undefined when the method does not apply to the path. */
function choose(
  { blobs, lists, manifests, uploads }: RegistryRoutes,
  exchange: AuthenticatedExchange,
  path: RegistryPath,
): Promise<void> | undefined {
  const method = exchange.request.method === 'HEAD' ? 'GET' : exchange.request.method;
  switch (path.kind) {
    case 'base':
      return method === 'GET' ? ping(exchange) : undefined;
    case 'catalog':
      return method === 'GET' ? lists.catalog(exchange) : undefined;
    case 'tags':
      return method === 'GET' ? lists.tags(exchange, path.repository) : undefined;
    case 'referrers':
      return method === 'GET' ? lists.referrers(exchange, path.repository, path.digest) : undefined;
    case 'manifest': {
      const { repository, reference } = path;
      if (method === 'GET') return manifests.get(exchange, repository, reference);
      if (method === 'PUT') return manifests.put(exchange, repository, reference);
      if (method === 'DELETE') return manifests.delete(exchange, repository, reference);
      return undefined;
    }
    case 'blob': {
      const { repository, digest } = path;
      if (method === 'GET') return blobs.get(exchange, repository, digest);
      if (method === 'DELETE') return blobs.delete(exchange, repository, digest);
      return undefined;
    }
    case 'uploads':
      return method === 'POST' ? uploads.begin(exchange, path.repository) : undefined;
    case 'upload': {
      const { repository, id } = path;
      if (method === 'GET') return uploads.status(exchange, repository, id);
      if (method === 'PATCH') return uploads.append(exchange, repository, id);
      if (method === 'PUT') return uploads.finish(exchange, repository, id);
      if (method === 'DELETE') return uploads.cancel(exchange, repository, id);
      return undefined;
    }
  }
}

/** Some clients take the challenge from here only, so a caller without credentials gets one. */
async function ping(exchange: AuthenticatedExchange): Promise<void> {
  const { caller, request } = exchange;
  if (request.headers.authorization === undefined || caller.expired) {
    throw new Unauthorized('Sign in: ask the token endpoint that the challenge names for a token.');
  }
  replyJson(exchange, 200, {});
}
