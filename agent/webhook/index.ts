import type { DesiredState, NamespaceSelector, Problem } from '#contract/agent.ts';
import { isForbidden, resources } from '#kubernetes/api/index.ts';
import { agentName } from '#kubernetes/manifests/names.ts';
import type { AgentContext, AgentPart } from '../part.ts';
import { webhookConfiguration } from './configuration.ts';
import { deleteWebhookKeys, ensureWebhookKeys } from './key-secret.ts';

/** How soon an edit of somebody, or a certificate that ends, is noticed. */
const renewalMilliseconds = 60_000;

/** Installs the webhook that gives pods their reference, and keeps its certificate current. */
export function createWebhook(context: AgentContext): AgentPart {
  const { api, reports, log, signal } = context;
  let cluster = '';
  let selectors: readonly NamespaceSelector[] = [];
  let isWanted = false;
  let mayRemain = true;

  async function install(): Promise<void> {
    mayRemain = true;
    const { authorities } = await ensureWebhookKeys(api, Date.now(), signal);
    await api.patch(
      resources.mutatingWebhookConfigurations,
      { name: agentName },
      { type: 'apply', body: webhookConfiguration(selectors, authorities), force: true },
    );
    reports.setCheck({
      name: 'webhook',
      state: 'passed',
      detail: 'The API server asks the agent.',
    });
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
    if (!isWanted) {
      if (mayRemain) await uninstall();
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
      isWanted = desired.pullSecrets.webhook && selectors.length > 0;
      await bringAbout();
    },
    async remove() {
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
