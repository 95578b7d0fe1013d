import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { type ConnectionLookups, holderOf, openRequestsOf } from '../connection-queries.ts';
import { agentAway } from '../errors.ts';
import { isConnected } from '../presence.ts';
import type { ClusterSecrets } from '../secrets.ts';
import { answerAgentRequest, leaveAgentRequest, takeAgentRequest } from '../writes/requests.ts';

const lookMilliseconds = 100;
/** Nobody waits any longer than that for an answer. */
export const longestWait = 60_000;

type StoredAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly kind: RefusalKind; readonly message: string } };

const notAsked = new Refusal(
  'unavailable',
  'The agent could not be asked: see the log of the server.',
);

/** Calls agents whose connection another process holds, and answers for those that this one holds. */
export interface Mailbox {
  /** @throws {Refusal} what the agent refused; `unavailable` when it is away, or does not answer */
  ask(
    cluster: number,
    method: string,
    parameters: unknown,
    timeoutMilliseconds: number,
  ): Promise<unknown>;
  /** Takes what other processes ask of these clusters' agents. */
  serve(
    clusters: readonly number[],
    call: (cluster: number, method: string, parameters: unknown) => Promise<unknown>,
  ): Promise<void>;
}

export function createMailbox(options: {
  readonly database: Database;
  readonly lookups: ConnectionLookups;
  readonly secrets: Pick<ClusterSecrets, 'sealRequest' | 'openRequest'>;
  readonly report: (error: unknown) => void;
  readonly now: () => number;
}): Mailbox {
  const { database, lookups, secrets, report, now } = options;
  const { read } = database;
  const underWay = new Set<string>();

  async function answer(id: string, call: () => Promise<unknown>): Promise<void> {
    let stored: StoredAnswer;
    try {
      stored = { result: await call() };
    } catch (error) {
      if (!(error instanceof Refusal)) report(error);
      const { kind, message } = error instanceof Refusal ? error : notAsked;
      stored = { error: { kind, message } };
    }
    await database.write(answerAgentRequest, { id, answer: JSON.stringify(stored) });
  }

  return {
    async ask(cluster, method, parameters, timeoutMilliseconds) {
      const holder = await holderOf(read, cluster);
      if (holder === undefined || !isConnected(holder, now())) throw away(holder?.name);
      const id = randomUUID();
      const deadline = now() + timeoutMilliseconds;
      await database.write(leaveAgentRequest, {
        id,
        cluster,
        method,
        parameters: secrets.sealRequest(id, parameters),
        now: now(),
      });
      try {
        while (now() < deadline) {
          await sleep(lookMilliseconds);
          const row = await lookups.answer(id);
          if (row === undefined) break;
          if (row.answer !== null) return resultOf(JSON.parse(row.answer) as StoredAnswer);
        }
        throw new Refusal('unavailable', `The agent of ${holder.name} did not answer in time.`);
      } finally {
        await database.write(takeAgentRequest, { id }).catch(report);
      }
    },
    async serve(clusters, call) {
      if (clusters.length === 0 || (await lookups.openRequest()) === undefined) return;
      for (const request of await openRequestsOf(read, clusters, now() - longestWait)) {
        const { id, cluster_id: cluster, method, parameters } = request;
        if (underWay.has(id)) continue;
        underWay.add(id);
        answer(id, async () => call(cluster, method, secrets.openRequest(id, parameters)))
          .catch(report)
          .finally(() => underWay.delete(id));
      }
    },
  };
}

function resultOf(answer: StoredAnswer): unknown {
  if ('error' in answer) throw new Refusal(answer.error.kind, answer.error.message);
  return answer.result;
}

function away(cluster: string | undefined): Refusal {
  const message =
    cluster === undefined ? 'This cluster has just been disconnected.' : agentAway(cluster);
  return new Refusal('unavailable', message);
}
