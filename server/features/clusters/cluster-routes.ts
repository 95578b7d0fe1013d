import { Type } from 'typebox';
import {
  Cluster,
  ClusterListQuery,
  ClusterParameters,
  ClusterSettings,
  ConnectionOffer,
  ConnectionRequest,
} from '#contract/clusters.ts';
import { isClusterName, nameRules } from '#contract/names.ts';
import type { AgentImages } from '#features/own-artifacts';
import { quote } from '#lib/quote.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { ServedNames } from '#server/certificates/names.ts';
import type { Database } from '#server/database/database.ts';
import {
  authorize,
  describePage,
  pageOf,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import { systemResource } from '#server/permissions/decide.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { describeClusters } from './describe.ts';
import { invalid, unknownCluster } from './errors.ts';
import { requireCluster } from './find-cluster.ts';
import { offerOf } from './offer.ts';
import { type ClusterRow, listClusters } from './queries.ts';
import type { ClusterSecrets } from './secrets.ts';
import { checkSettings } from './settings.ts';
import { changeSettings } from './writes/clusters.ts';
import { keepConnectToken } from './writes/connect-tokens.ts';

export interface ClusterRoutesOptions {
  readonly database: Database;
  readonly secrets: ClusterSecrets;
  readonly certificates: ServerCertificates;
  readonly served: ServedNames;
  readonly registry: string;
  readonly version: string;
  /** @throws {Refusal} `unavailable` */
  readonly provideAgentImage: AgentImages['provide'];
  readonly now: () => number;
}

export const clustersPath = `${restPrefix}/clusters`;
const tags = ['cluster'];
const tokenMilliseconds = 15 * 60_000;

export function addClusterRoutes(application: RestApplication, options: ClusterRoutesOptions) {
  const { database, secrets, registry, version, provideAgentImage, now } = options;
  const { read } = database;

  application.post(
    clustersPath,
    {
      schema: {
        tags,
        summary: 'Make a token and the commands that connect a cluster, or connect it anew',
        body: ConnectionRequest,
        response: { 201: ConnectionOffer },
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:create', systemResource);
      const { name, settings = {} } = request.body;
      if (!isClusterName(name)) {
        throw invalid(
          `The cluster name ${quote(name)} is not valid: it must ${nameRules.cluster}.`,
        );
      }
      const { secret, hmac } = secrets.connectToken();
      const expiresAt = now() + tokenMilliseconds;
      await database.write(keepConnectToken, {
        cluster: name,
        settings: checkSettings(settings, options),
        secretHmac: hmac,
        creator: describePrincipal(request.caller.principal),
        expiresAt,
        now: now(),
      });
      // Made while the command is on its way: what fails is told to whoever runs it.
      provideAgentImage().catch(() => {});
      const row = await requireCluster(read, name);
      reply.code(201).header('cache-control', 'no-store');
      return offerOf({
        ...options,
        cluster: name,
        settings: row.settings,
        token: secret,
        expiresAt,
      });
    },
  );

  application.get(
    clustersPath,
    {
      schema: {
        tags,
        summary: 'List the clusters',
        querystring: ClusterListQuery,
        response: { 200: Type.Array(Cluster) },
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:list', systemResource);
      const page = pageOf(request.query);
      const { rows, total } = await listClusters(read, page);
      describePage(request, reply, page, total);
      return describeClusters(rows, { read, registry, version, now: now() });
    },
  );

  application.get(
    `${clustersPath}/:cluster`,
    {
      schema: {
        tags,
        summary: 'A cluster with its checklist',
        params: ClusterParameters,
        response: { 200: Cluster },
      },
    },
    async (request) => {
      await authorize(request, 'cluster:read', systemResource);
      return describe(await requireCluster(read, request.params.cluster));
    },
  );

  application.patch(
    `${clustersPath}/:cluster`,
    {
      schema: {
        tags,
        summary: 'Change how Berth behaves in a cluster',
        params: ClusterParameters,
        body: ClusterSettings,
        response: { 200: Cluster },
      },
    },
    async (request) => {
      await authorize(request, 'cluster:update', systemResource);
      const { cluster } = request.params;
      const settings = checkSettings(request.body, options);
      await database.write(changeSettings, { cluster, settings });
      return describe(await requireCluster(read, cluster));
    },
  );

  async function describe(row: ClusterRow): Promise<Cluster> {
    const [described] = await describeClusters([row], {
      read,
      registry,
      version,
      now: now(),
    });
    if (described === undefined) throw unknownCluster(row.name);
    return described;
  }
}
