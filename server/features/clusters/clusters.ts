import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { agentConnectionPath } from '#contract/agent.ts';
import type { CredentialVerifier, GrantSource, SharedSecret } from '#features/auth';
import type { AgentImages } from '#features/own-artifacts';
import { Refusal } from '#lib/errors.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { ServedNames } from '#server/certificates/names.ts';
import type { Database } from '#server/database/database.ts';
import type { OriginOf } from '#server/http/exchange.ts';
import type { Upgrades } from '#server/http/listener.ts';
import { refuseUpgrade } from '#server/http/refuse-upgrade.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { gauge, type MetricSource } from '#server/telemetry/metrics.ts';
import { addAgentRoutes } from './agent-routes.ts';
import { authoritiesOf } from './authorities.ts';
import type { CallAgent } from './call-agent.ts';
import { createClearing } from './clearing.ts';
import { addClusterRoutes } from './cluster-routes.ts';
import type { AgentChange, Hub } from './connection/hub.ts';
import { createMailbox } from './connection/mailbox.ts';
import { prepareConnectionLookups } from './connection-queries.ts';
import { addContentRoutes } from './content-routes.ts';
import { addDisconnectRoutes } from './disconnect-routes.ts';
import { createHandshakeFailures } from './handshake-failures.ts';
import { addManifestRoutes } from './manifest-routes.ts';
import { clusterSecrets } from './secrets.ts';
import { createWorkloads } from './workloads.ts';

const failed = new Refusal(
  'unavailable',
  'The agent could not be let in: see the log of the server.',
);

/** Milliseconds. */
const defaultWait = 30_000;
/** A pull waits meanwhile. */
const reviewWait = 5_000;

export interface ClustersOptions {
  readonly database: Database;
  readonly sharedSecret: SharedSecret;
  readonly certificates: ServerCertificates;
  readonly served: ServedNames;
  /** `host[:port]`, as image names begin. */
  readonly registry: string;
  /** Of this program, the agent's image and its chart. */
  readonly version: string;
  /** Resolves once nodes can pull the agent's image. @throws {Refusal} `unavailable` */
  readonly provideAgentImage: AgentImages['provide'];
  /** An agent came to this process or left it. */
  readonly onAgentChange: (change: AgentChange) => void;
  /** An agent did not do what it was told. */
  readonly onAgentTrouble: (cluster: string, reason: string) => void;
  /** An agent was not let in. */
  readonly onAgentRefused: (address: string, reason: string) => void;
  readonly originOf: OriginOf;
  readonly reportFailure: (error: unknown) => void;
  readonly now: () => number;
}

export interface Clusters {
  /** Of workloads. Goes before that of users. */
  readonly verifier: CredentialVerifier;
  readonly grantSource: GrantSource;
  /** Of a membership that no connected cluster fills yet. @param workload its name */
  readonly warningOfWorkload: (workload: string) => Promise<string | undefined>;
  /** Takes the connections of agents. */
  readonly upgrades: Upgrades;
  readonly callAgent: CallAgent;
  /** Agents that are connected to this process. */
  readonly metrics: MetricSource;
  /** Hears of every TLS handshake that failed. */
  readonly noteHandshakeFailure: (address: string, error: Error) => void;
  /** Clears away, from time to time, what nobody can use any more. One process of a server does. */
  start(): void;
  addRoutes(application: RestApplication): void;
  /** Resolves once the database knows that every connection of this process has ended. */
  stop(): Promise<void>;
}

export async function createClusters(options: ClustersOptions): Promise<Clusters> {
  const { database, certificates, registry, originOf, reportFailure, now } = options;
  const secrets = clusterSecrets(
    await options.sharedSecret('cluster-secrets', () => randomBytes(32)),
  );
  const lookups = prepareConnectionLookups(database);
  const mailbox = createMailbox({ database, lookups, secrets, report: reportFailure, now });
  const clearing = createClearing({ database, report: reportFailure, now });
  const callAgent = ((cluster, method, parameters, timeoutMilliseconds = defaultWait) =>
    hub?.callAgent(cluster, method, parameters, timeoutMilliseconds) ??
    mailbox.ask(cluster, method, parameters, timeoutMilliseconds)) as CallAgent;

  const workloads = await createWorkloads({
    ...options,
    review: ({ id }, token) =>
      callAgent(id, 'token.review', { token, audience: registry }, reviewWait),
  });
  let hub: Hub | undefined;
  let opening: Promise<Hub> | undefined;
  let ended = false;

  /** Most processes hold no connection: what they need for it is loaded by the first. */
  async function openHub(): Promise<Hub> {
    const { createHub } = await import('./connection/hub.ts');
    hub = createHub({
      database,
      lookups,
      mailbox,
      secrets,
      credentials: workloads.robots,
      coverageOf: workloads.coverageOf,
      registry: () => ({ name: registry, authorities: authoritiesOf(certificates) }),
      onChange: options.onAgentChange,
      onTrouble: options.onAgentTrouble,
      report: reportFailure,
      now,
    });
    return hub;
  }

  function answerUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    opening ??= openHub();
    opening
      .then((opened) => {
        if (ended) throw new Refusal('unavailable', 'The server is stopping: come back soon.');
        return opened.admit(request, socket, head);
      })
      .catch((error: unknown) => {
        if (!(error instanceof Refusal)) reportFailure(error);
        const refusal = error instanceof Refusal ? error : failed;
        options.onAgentRefused(originOf(request).address, refusal.message);
        refuseUpgrade(socket, refusal);
      });
  }

  return {
    verifier: workloads.verifier,
    grantSource: workloads.grantSource,
    warningOfWorkload: workloads.warningOf,
    upgrades: {
      takes: ({ url, method }) => method === 'GET' && pathOf(url) === agentConnectionPath,
      answer: answerUpgrade,
      end() {
        ended = true;
        hub?.end();
      },
    },
    callAgent,
    metrics: () => [
      gauge('berth_agents_connected', 'Agents of clusters that are connected.', hub?.count() ?? 0),
    ],
    noteHandshakeFailure: createHandshakeFailures({ database, report: reportFailure, now }),
    start: clearing.start,
    addRoutes(application) {
      addAgentRoutes(application, { ...options, secrets });
      addManifestRoutes(application, { ...options, secrets });
      addClusterRoutes(application, { ...options, secrets });
      addContentRoutes(application, { database, callAgent, now });
      addDisconnectRoutes(application, { database, callAgent, now });
      workloads.addRoutes(application);
    },
    async stop() {
      await clearing.stop();
      await opening;
      await hub?.stop();
    },
  };
}

function pathOf(target: string | undefined): string | undefined {
  return target?.split('?', 1)[0];
}
