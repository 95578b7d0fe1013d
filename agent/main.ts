import { createKubernetesApi, inClusterConnection, resources } from '#kubernetes/api/index.ts';
import { runElection } from '#kubernetes/lease.ts';
import { agentName, berthNamespace, ourLabels } from '#kubernetes/manifests/names.ts';
import type { AgentEnvironment } from './environment.ts';
import { hasEnded } from './has-ended.ts';
import { serveHealth } from './health.ts';
import { createLog } from './log.ts';
import { runTerm } from './term.ts';
import { serveWebhook } from './webhook/serving.ts';

/** Waits to lead, and leads, until `signal`. */
export async function runAgent(environment: AgentEnvironment, signal: AbortSignal): Promise<void> {
  const { apiHost, apiPort, pod, registry } = environment;
  const log = createLog((line) => process.stdout.write(line));
  const api = createKubernetesApi(inClusterConnection(apiHost, apiPort));
  serveHealth(signal, (error) => log.failure('Answering probes', error));
  void serveWebhook({ api, signal, report: (error) => log.failure('Serving the webhook', error) });
  log.info(`The agent of ${registry} waits to lead.`, { pod });
  await runElection({
    api,
    lease: { name: agentName, namespace: berthNamespace },
    labels: ourLabels,
    candidate: pod,
    isGone: async (name, renewedAt) => {
      const place = { name, namespace: berthNamespace };
      return hasEnded(await api.find(resources.pods, place, { signal }), renewedAt);
    },
    lead: (term) => runTerm({ api, environment, log, signal: term }),
    signal,
    report: (error) => log.failure('The election of a leader', error),
  });
  api.close();
  log.info('The agent ends.', { pod });
}
