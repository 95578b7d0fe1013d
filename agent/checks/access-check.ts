import { setTimeout as wait } from 'node:timers/promises';
import type { AgentCheck, DesiredState } from '#contract/agent.ts';
import type { Feature } from '#kubernetes/manifests/access.ts';
import type { AgentContext, CreateAgentPart } from '../part.ts';
import { type MissingAccess, missingAccess } from './access.ts';

const passedMilliseconds = 600_000;
const failedMilliseconds = 30_000;

/** Sees whether the agent may do what it needs to; the rest of it works as far as it may. */
export const createAccessCheck: CreateAgentPart = (context) => {
  let next = new AbortController();
  let following = false;
  let features: ReadonlySet<Feature> = new Set();

  async function follow(): Promise<void> {
    if (following) return;
    following = true;
    while (!context.signal.aborted) {
      const woken = AbortSignal.any([context.signal, next.signal]);
      const passed = await check(context, features);
      await wait(passed ? passedMilliseconds : failedMilliseconds, undefined, {
        signal: woken,
      }).catch(() => undefined);
    }
  }

  return {
    name: 'access check',
    stateChanged: async (desired) => {
      features = neededFeatures(desired);
      next.abort();
      next = new AbortController();
      void follow();
    },
  };
};

/** @returns whether nothing is missing */
async function check(context: AgentContext, features: ReadonlySet<Feature>): Promise<boolean> {
  const { api, registry, reports, log, signal } = context;
  try {
    const missing = await missingAccess(api, registry, features, signal);
    reports.setCheck(accessCheck(missing));
    return missing.length === 0;
  } catch (error) {
    if (!signal.aborted) log.failure('Checking what the agent may do', error);
    return false;
  }
}

function neededFeatures({ pullSecrets }: DesiredState): ReadonlySet<Feature> {
  const wanted = new Set<Feature>();
  if (pullSecrets.selectors.length > 0) wanted.add('pull-secrets');
  if (pullSecrets.webhook) wanted.add('webhook');
  return wanted;
}

function accessCheck(missing: readonly MissingAccess[]): AgentCheck {
  if (missing.length === 0) return { name: 'rbac', state: 'passed' };
  const lacks = missing.map(({ rule, verbs }) => {
    const what = [...(rule.resources ?? []), ...(rule.nonResourceUrls ?? [])].join(', ');
    const where = rule.scope === 'namespace' ? ' in the namespace berth' : '';
    return `${verbs.join(', ')} ${what}${where} (to ${rule.reason})`;
  });
  return {
    name: 'rbac',
    state: 'failed',
    problem: {
      message: `The agent may not ${lacks.join('; ')}.`,
      cure: 'Run the command of `berth cluster connect` again as somebody who may grant this: it applies the roles anew. What needs none of it goes on working.',
    },
  };
}
