import { setTimeout as wait } from 'node:timers/promises';
import type { AgentCalls, AgentIdentity, ServerCalls } from '#contract/agent.ts';
import { createObjectStore, type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { berthNamespace, connectSecretName } from '#kubernetes/manifests/names.ts';
import { Refusal } from '#lib/errors.ts';
import type { Log } from '../log.ts';
import { proveCluster, requestOwnToken } from './cluster-proof.ts';
import { enrol } from './enrol.ts';
import { createIdentities, type HeldIdentity } from './identities.ts';
import { createProving } from './proving.ts';
import type { Registry } from './registry.ts';
import { openSession, type Session, serverCalls } from './session.ts';

export interface ConnectionOptions {
  readonly api: KubernetesApi;
  /** As image names begin. */
  readonly name: string;
  readonly cluster: string;
  readonly registry: Registry;
  /** What stands in the way; undefined when nothing does any more. */
  readonly trouble: (problem: string | undefined) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Connection {
  /** Calls are refused as `unavailable` while there is none. */
  readonly server: ServerCalls;
  isOpen(): boolean;
  /** Opens one, and another whenever one ends. */
  open(handlers: ConnectionHandlers): void;
}

export interface ConnectionHandlers {
  readonly answers: Partial<AgentCalls>;
  /** The server can be called. */
  readonly opened: () => void;
}

const shortestPause = 200;
const longestPause = 5_000;
/** A connection that held for that long starts the pauses over. */
const steadyMilliseconds = 10_000;
const dayMilliseconds = 24 * 3_600_000;
const renewalRetryMilliseconds = 600_000;

/** Holds a connection to the server, once it is opened, until `signal`. */
export function createConnection(options: ConnectionOptions): Connection {
  const { api, name, cluster, registry, trouble, log, signal } = options;
  let session: Session | undefined;
  let attempt = 0;
  let wake = new AbortController();
  const server = serverCalls((method, parameters) => {
    if (session !== undefined) return session.call(method, parameters);
    throw new Refusal('unavailable', 'The agent is not connected to its registry now.');
  });

  const proving = createProving({ api, name, server, log });
  const identities = createIdentities({
    api,
    registry: name,
    cluster,
    exchange: async (token): Promise<AgentIdentity> => {
      const proof = await proveCluster(api, name, signal);
      const authorities = await registry.authorities();
      return await atSomeAddress((address) =>
        enrol({ address, authorities, token, proof, signal }),
      );
    },
    log,
    signal,
  });

  /** Each attempt begins with the address after the one that was not reached last. */
  async function atSomeAddress<Result>(
    action: (address: string) => Promise<Result>,
  ): Promise<Result> {
    const addresses = registry.addresses();
    const address = addresses[attempt % addresses.length] ?? '';
    try {
      return await action(address);
    } catch (error) {
      const answered = error instanceof Refusal && error.kind !== 'unavailable';
      if (!answered) attempt += 1;
      throw error;
    }
  }

  async function connect(answers: ConnectionHandlers['answers']): Promise<Connected> {
    const identity = await identities.current();
    const [proof, authorities] = await Promise.all([
      requestOwnToken(api, name, signal),
      registry.authorities(),
    ]);
    const session = await atSomeAddress((address) =>
      openSession({
        address,
        authorities,
        identity: identity.secret,
        proof,
        answers,
        report: (method, error) => log.failure(`Answering ${method}`, error),
        signal,
      }),
    );
    return { session, identity };
  }

  /** Until the session ends. */
  async function renewDaily(
    held: HeldIdentity,
    current: Session,
    ended: AbortSignal,
  ): Promise<void> {
    const until = { signal: ended, ref: false };
    await wait(Math.max(0, held.issuedAt + dayMilliseconds - Date.now()), undefined, until);
    // Kept until it is in the Secret: it may be there although nobody said so, and the server
    // forgets it as soon as it is asked for another.
    let renewed: AgentIdentity | undefined;
    while (!ended.aborted) {
      try {
        renewed ??= await server['identity.renew']({});
        await identities.keep(renewed);
        current.close('The agent uses its new identity.');
        return;
      } catch (error) {
        if (ended.aborted) return;
        log.failure('Renewing the identity', error);
        await wait(renewalRetryMilliseconds, undefined, until);
      }
    }
  }

  async function run({ answers, opened }: ConnectionHandlers): Promise<void> {
    let pause = shortestPause;
    while (!signal.aborted) {
      try {
        const { session: current, identity } = await connect(answers);
        const openedAt = performance.now();
        session = current;
        log.info('Connected.', { cluster: identity.cluster });
        trouble(undefined);
        opened();
        identities.worked().catch((error) => log.failure('Deleting the connect token', error));
        const ended = new AbortController();
        renewDaily(identity, current, ended.signal).catch(() => undefined);
        void proving.watch(ended.signal);
        const reason = await current.closed;
        session = undefined;
        ended.abort();
        if (signal.aborted) return;
        log.info('The connection ended.', { reason });
        if (performance.now() - openedAt > steadyMilliseconds) pause = shortestPause;
      } catch (error) {
        if (signal.aborted) return;
        log.failure('Connecting', error);
        trouble(error instanceof Error ? error.message : String(error));
      }
      // Agents that lost their server together do not come back together.
      const spread = pause * (0.5 + Math.random() / 2);
      const woken = AbortSignal.any([signal, wake.signal]);
      await wait(spread, undefined, { signal: woken }).catch(() => undefined);
      pause = Math.min(pause * 2, longestPause);
    }
  }

  return {
    server,
    isOpen: () => session !== undefined,
    open(handlers) {
      const found = () => {
        session?.close('A connect token came.');
        wake.abort();
        wake = new AbortController();
      };
      watchConnectSecret({ api, log, signal, found });
      void run(handlers);
    },
  };
}

interface Connected {
  readonly session: Session;
  readonly identity: HeldIdentity;
}

/** Whoever runs the command of `berth cluster connect` again is not kept waiting. */
function watchConnectSecret(options: {
  readonly api: KubernetesApi;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly found: () => void;
}): void {
  const { api, log, signal, found } = options;
  const store = createObjectStore({
    api,
    resource: resources.secrets,
    namespace: berthNamespace,
    fields: `metadata.name=${connectSecretName}`,
    keep: () => true,
    signal,
    report: (error) => log.failure('Watching for a connect token', error),
  });
  void store.filled.then(() => {
    let begun = false;
    store.subscribe(({ kind }) => {
      if (begun && kind !== 'deleted') found();
    });
    begun = true;
  });
}
