import { setTimeout as wait } from 'node:timers/promises';
import type { DesiredState, NamespaceSelector, Problem } from '#contract/agent.ts';
import { isForbidden, resources } from '#kubernetes/api/index.ts';
import { agentName, agentPorts } from '#kubernetes/manifests/names.ts';
import type { AgentContext, AgentPart } from '../part.ts';
import { webhookConfiguration } from './configuration.ts';
import { deleteWebhookKeys, ensureWebhookKeys } from './key-secret.ts';
import { isServed } from './serving.ts';

/** How soon an edit of somebody, or a certificate that ends, is noticed. */
const renewalMilliseconds = 60_000;
const confirmMilliseconds = 1_000;

/** Installs the webhook that gives pods their reference, and keeps its certificate current. */
export function createWebhook(context: AgentContext): AgentPart {
  const { api, reports, log, signal } = context;
  let cluster = '';
  let selectors: readonly NamespaceSelector[] = [];
  let isWanted = false;
  let isRemoved = false;
  let mayRemain = true;
  let confirming = new AbortController();

  async function install(): Promise<void> {
    mayRemain = true;
    const { authorities } = await ensureWebhookKeys(api, Date.now(), signal);
    await api.patch(
      resources.mutatingWebhookConfigurations,
      { name: agentName },
      { type: 'apply', body: webhookConfiguration(selectors, authorities), force: true },
    );
    void confirm(authorities);
  }

  /** Agents look for their certificate by themselves, so that it takes them a moment. */
  async function confirm(authorities: string): Promise<void> {
    confirming.abort();
    confirming = new AbortController();
    const { signal: newer } = confirming;
    while (!(await isServed(authorities, agentPorts.webhook))) {
      if (newer.aborted || signal.aborted || !isWanted) return;
      reports.setCheck({
        name: 'webhook',
        state: 'waiting',
        detail: 'The agent does not serve it yet.',
      });
      await wait(confirmMilliseconds, undefined, { signal, ref: false }).catch(() => undefined);
    }
    if (!newer.aborted && isWanted) tellPassed('The API server asks the agent about pods.');
  }

  function tellPassed(detail: string): void {
    reports.setCheck({ name: 'webhook', state: 'passed', detail });
  }

  async function uninstall(): Promise<void> {
    try {
      await api.delete(resources.mutatingWebhookConfigurations, { name: agentName });
      await deleteWebhookKeys(api);
    } catch (error) {
      // Without its rights it was never installed, or cannot be removed by whoever lost them.
      if (!isForbidden(error)) throw error;
    }
    mayRemain = false;
  }

  async function bringAbout(): Promise<void> {
    if (!isWanted || selectors.length === 0) {
      if (mayRemain) await uninstall();
      if (isWanted) tellPassed('Nothing is granted to any namespace: the API server asks nothing.');
      return;
    }
    try {
      await install();
    } catch (error) {
      reports.setCheck({ name: 'webhook', state: 'failed', problem: problemOf(error, cluster) });
      throw error;
    }
  }

  const renewals = setInterval(() => {
    if (!isWanted) return;
    bringAbout().catch((error) => log.failure('Renewing the webhook', error));
  }, renewalMilliseconds);
  signal.addEventListener('abort', () => clearInterval(renewals), { once: true });

  return {
    name: 'webhook',
    async stateChanged(desired: DesiredState) {
      cluster = desired.cluster;
      selectors = desired.pullSecrets.selectors;
      isWanted = !isRemoved && desired.pullSecrets.webhook;
      await bringAbout();
    },
    async remove() {
      isRemoved = true;
      isWanted = false;
      try {
        await uninstall();
        return [];
      } catch (error) {
        log.failure('Removing the webhook', error);
        return [
          `The webhook ${agentName} could not be removed: kubectl delete mutatingwebhookconfiguration ${agentName}`,
        ];
      }
    },
  };
}

function problemOf(error: unknown, cluster: string): Problem {
  const message = error instanceof Error ? error.message : String(error);
  return {
    message: `The webhook could not be installed: ${message}`,
    cure: isForbidden(error)
      ? `Give the agent its rights by the command that this prints: berth cluster connect ${cluster}`
      : `It is tried again. To do without it: berth cluster set ${cluster} --webhook off`,
  };
}
