import { addArtifactsRoutes } from '#features/artifacts';
import { createAuth, type LimitFailures, limitFailuresHere } from '#features/auth';
import { createCharts } from '#features/charts';
import { authorityFollowers, createClusters } from '#features/clusters';
import { addCollectionRoutes, createCollectionHandler } from '#features/garbage-collection';
import { createMonitoring, type Examined } from '#features/monitoring';
import { createAgentImages, createOwnCharts } from '#features/own-artifacts';
import { addProjectsRoutes, createMembershipGrants } from '#features/projects';
import { createRegistry } from '#features/registry';
import { createRobots } from '#features/robots';
import { addSystemRoutes } from '#features/system';
import { addTrustRoutes } from '#features/trust';
import { createUsers } from '#features/users';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import { servedNames } from '#server/certificates/names.ts';
import type { Config } from '#server/config/config.ts';
import type { Writer } from '#server/database/sqlite/writer.ts';
import { createOutbox } from '#server/events/outbox.ts';
import type { Caller } from '#server/http/access.ts';
import { tokenService } from '#server/http/challenge.ts';
import { requestOrigins } from '#server/http/forwarded.ts';
import { createRestApplication } from '#server/http/rest/index.ts';
import { trustSources } from '#server/http/trusted-sources.ts';
import { createJobs } from '#server/jobs/jobs.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { cacheSnapshots } from '#server/telemetry/cache-counts.ts';
import { createConnectionCounts } from '#server/telemetry/connection-counts.ts';
import type { Log } from '#server/telemetry/log.ts';
import { collect, type GatherProcesses, type MetricSource } from '#server/telemetry/metrics.ts';
import { createRequestObserver } from '#server/telemetry/observe-requests.ts';
import { createProcessMetrics } from '#server/telemetry/process-metrics.ts';
import { createRequestCounts } from '#server/telemetry/request-counts.ts';
import { createJobCounts, createWriteCounts } from '#server/telemetry/work-counts.ts';
import { openCertificates } from './certificates.ts';
import { composeListener } from './listener.ts';
import { measuredDatabase } from './measured.ts';
import { releaseMemory } from './memory.ts';
import { openStorage, type Storage } from './storage.ts';
import { tracedDatabase, tracedHandler, tracedStore, tracedSubscriber } from './traced.ts';
import { openTraces } from './traces.ts';
import { version } from './version.ts';

export interface Server {
  readonly config: Config;
  readonly certificates: ServerCertificates;
  readonly listener: ReturnType<typeof composeListener>;
  /** Of the first admin, when this start created it with a password of its own making. */
  readonly firstPassword: string | undefined;
  /** What this process tells of itself. */
  readonly processMetrics: MetricSource;
  /** The server is about to stop: whoever watches `/readyz` sends requests elsewhere. */
  stopping(): void;
  /** Ends everything behind the listener, which is closed by then. */
  close(): Promise<void>;
}

/** What a process of a server of several has in common with the others. */
export interface SharedByWorkers {
  /** Of SQLite; undefined where the server uses PostgreSQL. */
  readonly writer: Writer | undefined;
  readonly limitFailures: LimitFailures;
  readonly gatherProcesses: GatherProcesses;
  /** True for one of the processes: it clears away what clients left unfinished. */
  readonly sweeps: boolean;
}

/**
 * Builds the whole server by hand: nothing is found, injected or registered elsewhere.
 * @param shared undefined when this process is the whole server
 */
export async function composeServer(
  config: Config,
  log: Log,
  shared?: SharedByWorkers,
): Promise<Server> {
  const onFailure = (error: Error) => {
    log.fatal({ err: error }, 'the database writer ended: the process stops, start it again');
    process.exit(1);
  };
  const storage = await openStorage(config, onFailure, shared?.writer);
  try {
    return await composeOver(storage, config, log, shared);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

async function composeOver(
  storage: Storage,
  config: Config,
  log: Log,
  shared: SharedByWorkers | undefined,
): Promise<Server> {
  const limitFailures = shared?.limitFailures ?? limitFailuresHere;
  const served = servedNames(config.publicUrl.href, config.names);
  const trusts = trustSources(config.trustedProxies);
  const originOf = requestOrigins(served, trusts);
  const traces = await openTraces(config, log);
  const writeCounts = createWriteCounts();
  const database = tracedDatabase(measuredDatabase(storage.database, writeCounts), traces);
  const store = tracedStore(storage.store, traces);
  const { sharedSecret } = storage;
  const certificates = await openCertificates(config, served, storage, log);

  const users = await createUsers({
    database,
    sharedSecret,
    limitFailures,
    reportFailure: (error) => log.error({ err: error }, 'the use of an access token was not noted'),
  });
  const robots = await createRobots({ database, sharedSecret });
  const clusters = await createClusters({
    database,
    sharedSecret,
    certificates,
    served,
    registry: config.publicUrl.host,
    version,
    provideAgentImage: () => agentImages.provide(),
    originOf,
    onAgentChange: ({ state, ...change }) => log.info(change, `agent ${state}`),
    onAgentTrouble: (cluster, reason) => log.warn({ cluster, reason }, 'agent in trouble'),
    onAgentRefused: (address, reason) => log.warn({ address, reason }, 'agent refused'),
    reportFailure: (error) => log.error({ err: error }, 'an agent was not served'),
    now: Date.now,
  });
  const auth = await createAuth({
    database,
    sharedSecret,
    verifiers: [robots.verifier, clusters.verifier, users.verifier],
    grantSources: [
      users.grantSource,
      createMembershipGrants(database),
      robots.grantSource,
      clusters.grantSource,
    ],
    limitFailures,
    service: tokenService,
  });
  const { authenticate, loadGrants } = auth;

  const grace = config.collectionGrace;
  const registry = createRegistry({ database, store, loadGrants, grace, now: Date.now });
  const charts = createCharts({ database, store, registry, grace, now: Date.now });
  const agentImages = createAgentImages({
    database,
    store,
    registry,
    provideChart: createOwnCharts({ database, charts, now: Date.now }),
    version,
    log,
    releaseMemory,
    now: Date.now,
  });
  const outbox = createOutbox({
    database,
    subscribers: [tracedSubscriber(charts.subscriber, traces)],
    report: ({ error, ...what }) => log.error({ err: error, ...what }, 'an event was not taken'),
    now: Date.now,
  });
  const monitoring = createMonitoring({
    database,
    store,
    certificates,
    onHealthChange: (part, error) => logHealth(log, part, error),
    robotName: robots.loginName,
    onExpiring: ({ event, message }) => log.warn(event, message),
    reportFailure: (error) => log.warn({ err: error }, 'a metric could not be told'),
    now: Date.now,
  });
  const jobHandlers = [
    monitoring.jobHandler,
    createCollectionHandler({ database, store, grace, now: Date.now }),
  ];
  const jobCounts = createJobCounts(jobHandlers.map(({ kind }) => kind));
  const jobs = createJobs({
    database,
    handlers: jobHandlers.map((handler) => tracedHandler(handler, traces)),
    onFinished: jobCounts.ended,
    report: ({ error, ...what }) => log.error({ err: error, ...what }, 'a job was interrupted'),
    now: Date.now,
  });
  const requestCounts = createRequestCounts();
  const processMetrics = createProcessMetrics();
  const connectionCounts = createConnectionCounts(database.pool);
  const ownMetrics = () =>
    collect([
      requestCounts.snapshots,
      connectionCounts.snapshots,
      auth.metrics,
      clusters.metrics,
      () =>
        cacheSnapshots({ ...auth.caches, ...registry.caches, reads: storage.database.remembered }),
      writeCounts.snapshots,
      jobCounts.snapshots,
      processMetrics.snapshots,
    ]);
  const observe = createRequestObserver({ counts: requestCounts, log, nameOf: nameOfCaller });
  const rest = await createRestApplication({
    refresh: database.refresh,
    authenticate,
    loadGrants,
    version,
    onRequest: observe,
    clientAddress: (request) => originOf(request).address,
    reportFailure: ({ requestId, error }) =>
      log.error({ request: requestId, err: error }, 'failed'),
  });
  auth.addRoutes(rest);
  addSystemRoutes(rest, {
    version,
    publicUrl: config.publicUrl.origin,
    examine: async () =>
      (await monitoring.health.examine()).map(({ name, condition }) => ({
        name,
        status: condition.status === 'works' ? 'healthy' : 'unhealthy',
      })),
  });
  monitoring.addRoutes(rest, {
    refresh: database.refresh,
    authenticate,
    loadGrants,
    token: config.metricsToken,
    gatherProcesses: shared?.gatherProcesses ?? (async () => [await ownMetrics()]),
  });
  users.addRoutes(rest);
  robots.addRoutes(rest);
  addProjectsRoutes(rest, database, clusters.warningOfWorkload);
  addArtifactsRoutes(rest, {
    database,
    store,
    additions: [charts.additions],
    grace,
    now: Date.now,
  });
  charts.addRoutes(rest);
  clusters.addRoutes(rest);
  addCollectionRoutes(rest, jobs);
  addTrustRoutes(rest, {
    certificates,
    followersOf: (bundle) => authorityFollowers(database, bundle),
  });
  await rest.ready();

  const listener = composeListener({
    certificates,
    served,
    trusts,
    originOf,
    refresh: database.refresh,
    authenticate,
    registry,
    onContentChange: outbox.wake,
    rest,
    answerProbe: monitoring.answerProbe,
    clusters,
    observe,
    connectionCounts,
    traces,
    log,
  });

  if (shared?.sweeps ?? true) {
    registry.start({ reportFailure: (error) => log.error({ err: error }, 'idle uploads stay') });
    clusters.start();
    agentImages.start();
  }
  outbox.start();
  await monitoring.scheduleJobs(jobs);
  jobs.start();
  return {
    config,
    certificates,
    listener,
    firstPassword: await users.ensureFirstAdmin({ password: config.adminPassword }),
    processMetrics: ownMetrics,
    stopping: monitoring.stopping,
    async close() {
      await clusters.stop();
      await agentImages.stop();
      await jobs.stop();
      await outbox.stop();
      await monitoring.stop();
      processMetrics.stop();
      await registry.stop();
      await rest.close();
      certificates.close();
      await traces?.stop();
      await storage.close();
    },
  };
}

function logHealth(log: Log, { name, condition }: Examined, error: unknown): void {
  if (condition.status === 'works') log.info({ part: name }, 'works again');
  else if (condition.status === 'degraded') log.warn({ part: name }, condition.message);
  else log.error({ part: name, err: error }, condition.message);
}

function nameOfCaller({ principal }: Caller): string | undefined {
  return principal.kind === 'anonymous' ? undefined : describePrincipal(principal);
}
