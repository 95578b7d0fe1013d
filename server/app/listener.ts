import type { Clusters } from '#features/clusters';
import { isProbe } from '#features/monitoring';
import type { Registry } from '#features/registry';
import { chain } from '#lib/maybe-promise.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { ServedNames } from '#server/certificates/names.ts';
import type { Database } from '#server/database/database.ts';
import type { Authenticate, Caller } from '#server/http/access.ts';
import { type Exchange, OpenExchange, type OriginOf } from '#server/http/exchange.ts';
import { createRegistryLifecycle } from '#server/http/lifecycle.ts';
import { createListener } from '#server/http/listener.ts';
import { requestId } from '#server/http/request-id.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import type { Trusts } from '#server/http/trusted-sources.ts';
import type { ConnectionCounts } from '#server/telemetry/connection-counts.ts';
import type { Log } from '#server/telemetry/log.ts';
import type { ObservedExchange } from '#server/telemetry/observe-requests.ts';
import type { Traces } from '#server/telemetry/traces.ts';
import { mount, type RequestHandler } from './routes.ts';
import { tracedRequests } from './traced.ts';

/** Requests that leave events in the outbox. */
const changesContent: ReadonlySet<string | undefined> = new Set(['PUT', 'DELETE']);

/** The one port, from which every request reaches the registry, a probe, REST or an agent's connection. */
export function composeListener(options: {
  readonly certificates: ServerCertificates;
  readonly served: ServedNames;
  readonly trusts: Trusts;
  readonly originOf: OriginOf;
  readonly refresh: Database['refresh'];
  readonly authenticate: Authenticate;
  readonly registry: Pick<Registry, 'handle'>;
  readonly onContentChange: () => void;
  readonly rest: Pick<RestApplication, 'routing'>;
  readonly answerProbe: (exchange: Exchange) => Promise<void>;
  readonly clusters: Pick<Clusters, 'upgrades' | 'noteHandshakeFailure'>;
  readonly observe: (exchange: ObservedExchange<Caller>) => void;
  readonly connectionCounts: ConnectionCounts;
  readonly traces: Traces | undefined;
  readonly log: Log;
}): ReturnType<typeof createListener> {
  const { originOf, registry, observe, clusters, connectionCounts, log } = options;

  const answerRegistry = createRegistryLifecycle({
    refresh: options.refresh,
    authenticate: options.authenticate,
    originOf,
    handle: (exchange) =>
      chain(registry.handle(exchange), () => {
        if (changesContent.has(exchange.request.method)) options.onContentChange();
      }),
    onRequest: observe,
    onFailure: ({ id }, error) => log.error({ request: id, err: error }, 'failed'),
  });

  const answerProbe: RequestHandler = (request, response) => {
    const id = requestId(request.headers['x-request-id']);
    const exchange = new OpenExchange(request, response, id, originOf);
    observe(exchange);
    options.answerProbe(exchange).catch(() => response.destroy());
  };

  return createListener({
    certificates: options.certificates,
    served: options.served,
    trusts: options.trusts,
    answersPlain: isProbe,
    onRequest: tracedRequests(
      mount({
        registry: answerRegistry,
        probes: answerProbe,
        rest: (...exchange) => options.rest.routing(...exchange),
      }),
      options.traces,
    ),
    upgrades: clusters.upgrades,
    onRefusal: connectionCounts.refused,
    onHandshakeFailure: (address, error) => {
      connectionCounts.handshakeFailed();
      clusters.noteHandshakeFailure(address, error);
      log.debug({ address, reason: error.message }, 'TLS handshake failed');
    },
  });
}
