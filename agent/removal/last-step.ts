import { setTimeout as wait } from 'node:timers/promises';
import type { ServerCalls } from '#contract/agent.ts';
import { resources } from '#kubernetes/api/index.ts';
import { berthNamespace, identitySecretName } from '#kubernetes/manifests/names.ts';
import { type Removal, whatKeepsNamespace } from './remove-cluster.ts';

export interface LastStep extends Removal {
  readonly server: ServerCalls;
}

const place = { name: identitySecretName, namespace: berthNamespace };
const key = 'removed';
/** A Secret holds a mebibyte. */
const mostMarked = 200;
const mostTries = 24;
const retryMilliseconds = 5_000;
const longestList = 1_000;

/** Kept beside the identity, and worth nothing beside another: that is of a cluster connected anew. */
interface Mark {
  readonly issued: string | null;
  readonly left: readonly string[];
}

/** From here on only the last step is left, also for an agent that starts again. */
export async function markRemoved(
  { api, signal }: Pick<Removal, 'api' | 'signal'>,
  left: readonly string[],
): Promise<void> {
  const { data } = await api.get(resources.secrets, place, { signal });
  const mark: Mark = { issued: data?.issued ?? null, left: left.slice(0, mostMarked).map(cut) };
  const body = { data: { [key]: Buffer.from(JSON.stringify(mark)).toString('base64') } };
  await api.patch(resources.secrets, place, { type: 'merge', body }, { signal });
}

/** What is left, where all but the last step was taken; undefined before. */
export async function findMark({
  api,
  signal,
}: Pick<Removal, 'api' | 'signal'>): Promise<readonly string[] | undefined> {
  const secret = await api.find(resources.secrets, place, { signal });
  const text = secret?.data?.[key];
  if (text === undefined) return undefined;
  const mark = JSON.parse(Buffer.from(text, 'base64').toString()) as Partial<Mark>;
  return mark.issued === (secret?.data?.issued ?? null) ? mark.left : undefined;
}

/** Says what is left, and takes the agent itself away, and with it the rights by which it does this. */
export async function takeLastStep(step: LastStep, left: readonly string[]): Promise<void> {
  const { api, log, signal } = step;
  const keeps = await whatKeepsNamespace(step);
  await sayRemoved(step, [...new Set([...left, ...keeps])]);
  log.info('Everything of Berth is taken away but the agent itself.', { left });
  if (keeps.length === 0)
    await api.delete(resources.namespaces, { name: berthNamespace }, { signal });
}

/** A server that hears nothing of it is told by its operator (`--force`). */
async function sayRemoved({ server, log, signal }: LastStep, left: string[]): Promise<void> {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    try {
      await server['cluster.removed']({ left: left.slice(0, longestList).map(cut) });
      return;
    } catch (error) {
      signal.throwIfAborted();
      log.failure('Saying that the cluster is disconnected', error);
      await wait(retryMilliseconds, undefined, { signal });
    }
  }
}

function cut(sentence: string): string {
  return sentence.slice(0, 2_048);
}
