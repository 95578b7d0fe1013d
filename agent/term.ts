import { once } from 'node:events';
import type { AgentCalls } from '#contract/agent.ts';
import type { KubernetesApi } from '#kubernetes/api/index.ts';
import { createConnection } from './connection/connection.ts';
import { createRegistry } from './connection/registry.ts';
import { createDesiredStates } from './desired-state.ts';
import type { AgentEnvironment } from './environment.ts';
import type { Log } from './log.ts';
import type { AgentContext, AgentPart } from './part.ts';
import { createParts } from './parts.ts';
import { findMark, takeLastStep } from './removal/last-step.ts';
import { removeCluster } from './removal/removal.ts';
import { createReports } from './reports/reports.ts';
import { createStores } from './stores.ts';
import { createTrouble } from './trouble.ts';

export interface TermOptions {
  readonly api: KubernetesApi;
  readonly environment: AgentEnvironment;
  readonly log: Log;
  /** Ends the term. */
  readonly signal: AbortSignal;
}

/** What an agent does while it leads. */
export async function runTerm({ api, environment, log, signal }: TermOptions): Promise<void> {
  if (signal.aborted) return;
  log.info('This agent leads.', { pod: environment.pod });
  const ended = once(signal, 'abort');
  const registry = createRegistry(environment);
  const connection = createConnection({
    api,
    name: environment.registry,
    cluster: environment.cluster,
    registry,
    trouble: createTrouble(api, environment.pod, log, signal),
    log,
    signal,
  });
  const { server } = connection;
  const removal = { server, registry: environment.registry, api, log, signal };
  const left = await findMark(removal);
  if (left !== undefined) {
    const answers: Partial<AgentCalls> = {
      'state.set': async () => ({}),
      'cluster.remove': async () => ({}),
    };
    connection.open({ answers, opened: () => undefined });
    await takeLastStep(removal, left);
    await ended;
    return;
  }
  const stores = createStores(api, log, signal);
  const reports = createReports({ ...stores, ...connection, log, signal });
  const { version } = environment;
  if (version !== undefined) {
    reports.setCheck({ name: 'version', state: 'passed', detail: version });
  }
  const context: AgentContext = {
    api,
    registry: environment.registry,
    pod: environment.pod,
    server,
    ...stores,
    reports,
    log,
    signal,
  };
  const parts = createParts.map((create) => create(context));
  const desired = createDesiredStates(parts, log, signal);
  let removing = false;
  const leaving = new AbortController();
  const remove = async () => {
    if (removing) return;
    removing = true;
    try {
      await desired.stop();
      await removeCluster({ ...removal, parts, leaveProvider: leaving.signal });
    } catch (error) {
      // The server asks again with the next connection.
      if (!signal.aborted) log.failure('Disconnecting the cluster', error);
      removing = false;
    }
  };
  connection.open({
    answers: {
      ...joinedAnswers(parts),
      'state.set': async (state) => {
        registry.learn(state.registry);
        desired.set(state);
        return {};
      },
      'cluster.remove': async ({ leaveProvider = false }) => {
        if (leaveProvider) leaving.abort();
        void remove();
        return {};
      },
    },
    opened: () => {
      reports.connected();
      for (const part of parts) part.connected?.();
    },
  });
  await ended;
}

function joinedAnswers(parts: readonly AgentPart[]): Partial<AgentCalls> {
  const answers: Partial<AgentCalls> = {};
  for (const part of parts) {
    for (const method of Object.keys(part.answers ?? {})) {
      if (method in answers) throw new Error(`Two parts of the agent answer ${method}.`);
    }
    Object.assign(answers, part.answers);
  }
  return answers;
}
