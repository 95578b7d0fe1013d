import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type AgentCalls, agentMethods, maximumAgentMessage } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { grantGenerationOf } from '#server/database/generations.ts';
import type { ConnectionLookups, Standing } from '../connection-queries.ts';
import { type DesiredRegistry, desiredStateOf, leavingStateOf } from '../desired-state.ts';
import type { CoverageOf } from '../grants/coverage.ts';
import { drawConnection } from '../holder.ts';
import { renewalMilliseconds } from '../presence.ts';
import type { ClusterSecrets } from '../secrets.ts';
import { connectAgent, releaseConnection, renewConnections } from '../writes/connections.ts';
import { answersTo, type CredentialCalls } from './answers.ts';
import { createIdentifyAgent } from './identify-agent.ts';
import type { Mailbox } from './mailbox.ts';
import { createReports } from './reports.ts';
import { type AgentSession, openSession } from './session.ts';
import { checkedAnswers, readResult } from './shapes.ts';

/** How often it is looked for requests of other processes. */
const requestMilliseconds = 200;
/** How often it is looked for what agents are to bring about. */
const stateMilliseconds = 500;
/** Until an agent that did not take what it was told is told again. */
const retryMilliseconds = 5_000;

/** An agent came or left. */
export interface AgentChange {
  readonly cluster: string;
  readonly state: 'connected' | 'gone';
  readonly reason?: string;
}

export interface HubOptions {
  readonly database: Database;
  readonly lookups: ConnectionLookups;
  readonly mailbox: Mailbox;
  readonly secrets: ClusterSecrets;
  readonly credentials: CredentialCalls;
  readonly coverageOf: CoverageOf;
  /** As it stands at the moment. */
  readonly registry: () => DesiredRegistry;
  readonly onChange: (change: AgentChange) => void;
  /** An agent did not do what it was told. */
  readonly onTrouble: (cluster: string, reason: string) => void;
  readonly report: (error: unknown) => void;
  readonly now: () => number;
}

/** The connections of agents that this process holds, and the way to those that others hold. */
export interface Hub {
  /** @throws {Refusal} `unauthenticated` */
  admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Undefined where the agent is not connected to this process. */
  callAgent(
    cluster: number,
    method: keyof AgentCalls,
    parameters: unknown,
    timeoutMilliseconds: number,
  ): Promise<unknown> | undefined;
  /** Agents that are connected to this process. */
  count(): number;
  /** Ends every connection. */
  end(): void;
  /** Resolves once the database knows that they have ended. */
  stop(): Promise<void>;
}

interface Held {
  readonly session: AgentSession;
  /** What the state that the agent has was made of; undefined: it has none yet. */
  seen?: string;
  revision?: string;
  removing?: boolean;
  /** When it failed last, that is not before. */
  retryAt: number;
}

export function createHub(options: HubOptions): Hub {
  const {
    database,
    lookups,
    mailbox,
    secrets,
    coverageOf,
    registry,
    onChange,
    onTrouble,
    report,
    now,
  } = options;
  const readGeneration = grantGenerationOf(database);
  const identify = createIdentifyAgent({
    read: database.read,
    lookups,
    secrets,
    registry: registry().name,
    now,
  });
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maximumAgentMessage,
    // Agents send whole messages. Each piece costs far more memory than what it may hold.
    maxFragments: 16,
    maxBufferedChunks: 16_384,
  });
  const held = new Map<number, Held>();
  const ending = new Set<Promise<void>>();
  let ended = false;

  const timers = [
    every(requestMilliseconds, () => mailbox.serve([...held.keys()], callHere)),
    every(stateMilliseconds, bringUpToDate),
    every(renewalMilliseconds, renew),
  ];

  function every(milliseconds: number, work: () => Promise<void>): NodeJS.Timeout {
    let busy = false;
    return setInterval(() => {
      if (busy || held.size === 0) return;
      busy = true;
      work()
        .catch(report)
        .finally(() => {
          busy = false;
        });
    }, milliseconds).unref();
  }

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const identity = await identify(request);
    const cluster = { id: identity.cluster_id, name: identity.name };
    const connection = drawConnection();
    await database.write(connectAgent, {
      cluster: cluster.id,
      identity: identity.id,
      connection,
      now: now(),
    });
    if (ended || socket.destroyed) {
      socket.destroy();
      await database.write(releaseConnection, { cluster: cluster.id, connection, seenAt: now() });
      return;
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const reports = createReports(database, cluster.id, now);
      const session = openSession({
        socket: webSocket,
        cluster,
        connection,
        answers: checkedAnswers(
          answersTo(cluster, reports, { ...options, registry: registry().name }),
        ),
        report,
      });
      hold(session);
    });
  }

  function hold(session: AgentSession): void {
    const { cluster, connection } = session;
    held.get(cluster.id)?.session.close('refused', 'a newer connection of this agent took over');
    const entry: Held = { session, retryAt: 0 };
    held.set(cluster.id, entry);
    onChange({ cluster: cluster.name, state: 'connected' });
    void look(entry);
    const end = session.ended.then(async (reason) => {
      if (held.get(cluster.id) === entry) held.delete(cluster.id);
      onChange({ cluster: cluster.name, state: 'gone', reason });
      await database.write(releaseConnection, { cluster: cluster.id, connection, seenAt: now() });
    });
    const done = end.catch(report).finally(() => ending.delete(done));
    ending.add(done);
  }

  async function renew(): Promise<void> {
    await database.write(renewConnections, {
      held: [...held.values()].map(({ session: { cluster, connection } }) => ({
        cluster: cluster.id,
        connection,
      })),
      now: now(),
    });
  }

  async function bringUpToDate(): Promise<void> {
    await database.refresh();
    await Promise.all([...held.values()].map(look));
  }

  async function look(entry: Held): Promise<void> {
    if (entry.retryAt > now()) return;
    try {
      await compare(entry);
    } catch (error) {
      entry.retryAt = now() + retryMilliseconds;
      if (!entry.session.isOpen()) return;
      if (error instanceof Refusal) onTrouble(entry.session.cluster.name, error.message);
      else report(error);
    }
  }

  /** Compares what an agent was told with what it is to bring about now. */
  async function compare(entry: Held): Promise<void> {
    const { session } = entry;
    const { id } = session.cluster;
    const standing = await lookups.standing(id);
    if (standing === undefined) {
      session.close('refused', 'the cluster was disconnected');
    } else if (standing.connection !== session.connection) {
      session.close('refused', 'a newer connection of this agent took over');
    } else if (standing.disconnecting_at !== null) {
      if (entry.removing) return;
      entry.removing = true;
      await haveRemoved(entry, standing).catch((error: unknown) => {
        entry.removing = false;
        throw error;
      });
    } else {
      const { authorities, name } = registry();
      const seen = `${await readGeneration()} ${authorities} ${standing.settings}`;
      if (entry.seen === seen) return;
      const coverage = await coverageOf(standing.name);
      const state = desiredStateOf(standing, { name, authorities }, coverage);
      if (entry.revision !== state.revision) {
        await session.call('state.set', state);
        entry.revision = state.revision;
        await options.credentials.endUncovered(session.cluster, state.pullSecrets.selectors);
      }
      entry.seen = seen;
    }
  }

  async function haveRemoved(entry: Held, standing: Standing): Promise<void> {
    if (entry.revision === undefined) {
      // An agent that has just come knows nothing yet, not even what nodes are to trust meanwhile.
      const state = leavingStateOf(standing, registry());
      await entry.session.call('state.set', state);
      entry.revision = state.revision;
    }
    await callHere(entry.session.cluster.id, 'cluster.remove', {});
  }

  function callHere(cluster: number, method: string, parameters: unknown): Promise<unknown> {
    const session = held.get(cluster)?.session;
    if (session === undefined || !Object.hasOwn(agentMethods, method)) {
      return Promise.reject(new Refusal('unavailable', 'The agent has just gone.'));
    }
    return session
      .call(method, parameters)
      .then((result) => readResult(method as keyof AgentCalls, result));
  }

  return {
    admit,
    callAgent(cluster, method, parameters, timeoutMilliseconds) {
      if (!held.has(cluster)) return undefined;
      return withTimeout(callHere(cluster, method, parameters), timeoutMilliseconds);
    },
    count: () => held.size,
    end() {
      ended = true;
      for (const { session } of held.values()) session.close('stopping', 'the server is stopping');
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(ending);
    },
  };
}

async function withTimeout<Result>(result: Promise<Result>, milliseconds: number): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Refusal('unavailable', 'The agent did not answer in time.')),
    milliseconds,
  );
  try {
    return await Promise.race([result, promise]);
  } finally {
    clearTimeout(timer);
  }
}
