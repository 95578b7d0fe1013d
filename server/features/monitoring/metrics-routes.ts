import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '#lib/errors.ts';
import type { Authenticate, LoadGrants } from '#server/http/access.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { trustSources } from '#server/http/trusted-sources.ts';
import { decide, systemResource } from '#server/permissions/decide.ts';
import {
  collect,
  type GatherProcesses,
  type MetricSource,
  metricsContentType,
  renderMetrics,
} from '#server/telemetry/metrics.ts';

export interface MetricsAccess {
  readonly refresh: () => void | Promise<void>;
  readonly authenticate: Authenticate;
  readonly loadGrants: LoadGrants;
  /** Whoever brings it may read, whether or not the database answers. */
  readonly token: string | undefined;
  /** What every process of the server tells of itself. */
  readonly gatherProcesses: GatherProcesses;
}

interface MetricsRoutesOptions extends MetricsAccess {
  /** What is the same whichever process tells it. */
  readonly shared: readonly MetricSource[];
}

/** The machine itself, which every such list trusts. */
const isLoopback = trustSources([]);
const bearer = /^Bearer +(\S+) *$/i;

/** `/metrics`, in the text format of Prometheus. */
export function addMetricsRoutes(application: RestApplication, options: MetricsRoutesOptions) {
  const { gatherProcesses, shared } = options;

  application.get(
    '/metrics',
    { config: { ownAuthentication: true, withoutDatabase: true }, schema: { hide: true } },
    async (request, reply) => {
      await admit(request, options);
      const [processes, sharedMetrics] = await Promise.all([gatherProcesses(), collect(shared)]);
      reply.header('content-type', metricsContentType).header('cache-control', 'no-store');
      return renderMetrics([...processes, sharedMetrics]);
    },
  );
}

/** @throws {Refusal} `unauthenticated`, `denied` */
async function admit(
  request: FastifyRequest,
  { refresh, authenticate, loadGrants, token }: MetricsRoutesOptions,
): Promise<void> {
  const { clientAddress, headers } = request;
  const { authorization } = headers;
  if (authorization === undefined) {
    if (isLoopback(clientAddress)) return;
    throw new Refusal(
      'unauthenticated',
      'The metrics are for those who run this registry: read them from its own machine, or send BERTH_METRICS_TOKEN as a bearer token, or the name and secret of a robot: berth robot create prometheus --system metrics:read.',
    );
  }
  const given = bearer.exec(authorization)?.[1];
  if (given !== undefined) {
    if (token !== undefined && isSame(given, token)) return;
    throw new Refusal(
      'unauthenticated',
      token === undefined
        ? 'No token opens the metrics here: set BERTH_METRICS_TOKEN, or send the name and secret of a robot with the permission metrics:read.'
        : 'This bearer token is not the one that BERTH_METRICS_TOKEN names: correct one of the two.',
    );
  }
  await refresh();
  request.caller = await authenticate(authorization, clientAddress);
  const { principal } = request.caller;
  const decision = decide(await loadGrants(principal, []), 'metrics:read', systemResource);
  if (!decision.allowed) throw new Refusal('denied', `${decision.reason}.`);
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
