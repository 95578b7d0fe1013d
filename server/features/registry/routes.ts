import type { MaybePromise } from '#lib/maybe-promise.ts';
import { OciError } from '#oci/errors.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { replyJson } from '#server/http/replies.ts';
import { Unauthorized } from '#server/http/unauthorized.ts';
import type { BlobRoutes } from './blob-routes.ts';
import type { ListRoutes } from './list-routes.ts';
import type { ManifestRoutes } from './manifest-routes.ts';
import { parseRegistryPath, type RegistryPath } from './paths.ts';
import type { UploadRoutes } from './upload-routes.ts';

export interface RegistryRoutes {
  readonly blobs: BlobRoutes;
  readonly lists: ListRoutes;
  readonly manifests: ManifestRoutes;
  readonly uploads: UploadRoutes;
}

type Answer = (exchange: AuthenticatedExchange) => MaybePromise<void>;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Answers every request below `/v2/`: distribution specification, section "Endpoints". */
export function createRegistryHandler(routes: RegistryRoutes): Answer {
  return (exchange) => {
    const path = parseRegistryPath(exchange.path);
    if (path === undefined) {
      throw new OciError('NAME_UNKNOWN', 'There is no such endpoint below /v2/.');
    }
    const { method } = exchange.request;
    const answer = choose(routes, method, path);
    if (answer !== undefined) return answer(exchange);
    const allowed = methods.filter((other) => choose(routes, other, path) !== undefined);
    exchange.response.setHeader('Allow', allowed.join(', '));
    throw new OciError(
      'UNSUPPORTED',
      `${method} does not apply to ${exchange.path.slice(0, 300)}: use ${allowed.join(' or ')}.`,
    );
  };
}

/** Undefined when the method does not apply to the path. */
function choose(
  { blobs, lists, manifests, uploads }: RegistryRoutes,
  method: string | undefined,
  path: RegistryPath,
): Answer | undefined {
  const reads = method === 'GET' || method === 'HEAD';
  switch (path.kind) {
    case 'base':
      return reads ? ping : undefined;
    case 'catalog':
      return reads ? lists.catalog : undefined;
    case 'tags': {
      const { repository } = path;
      return reads ? (exchange) => lists.tags(exchange, repository) : undefined;
    }
    case 'referrers': {
      const { repository, digest } = path;
      return reads ? (exchange) => lists.referrers(exchange, repository, digest) : undefined;
    }
    case 'manifest': {
      const { repository, reference } = path;
      if (reads) return (exchange) => manifests.get(exchange, repository, reference);
      if (method === 'PUT') return (exchange) => manifests.put(exchange, repository, reference);
      if (method !== 'DELETE') return undefined;
      return (exchange) => manifests.delete(exchange, repository, reference);
    }
    case 'blob': {
      const { repository, digest } = path;
      if (reads) return (exchange) => blobs.get(exchange, repository, digest);
      if (method !== 'DELETE') return undefined;
      return (exchange) => blobs.delete(exchange, repository, digest);
    }
    case 'uploads': {
      const { repository } = path;
      return method === 'POST' ? (exchange) => uploads.begin(exchange, repository) : undefined;
    }
    case 'upload': {
      const { repository, id } = path;
      if (reads) return (exchange) => uploads.status(exchange, repository, id);
      if (method === 'PATCH') return (exchange) => uploads.append(exchange, repository, id);
      if (method === 'PUT') return (exchange) => uploads.finish(exchange, repository, id);
      if (method !== 'DELETE') return undefined;
      return (exchange) => uploads.cancel(exchange, repository, id);
    }
  }
}

/** Some clients take the challenge from here only, so a caller without credentials gets one. */
async function ping(exchange: AuthenticatedExchange): Promise<void> {
  const { caller, request } = exchange;
  if (request.headers.authorization === undefined || caller.expired) {
    throw new Unauthorized(
      'Sign in: ask the token endpoint that the challenge names for a token.',
      caller.expired ? { challengeError: 'invalid_token' } : {},
    );
  }
  replyJson(exchange, 200, {});
}
