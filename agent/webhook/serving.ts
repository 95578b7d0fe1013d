import { setTimeout as wait } from 'node:timers/promises';
import { isForbidden, type KubernetesApi } from '#kubernetes/api/index.ts';
import { findWebhookKeys } from './key-secret.ts';
import { createWebhookServer, type WebhookServer } from './server.ts';

const lookMilliseconds = 15_000;
/** Without the right to look, the webhook is not wanted. */
const unwantedLookMilliseconds = 120_000;

export interface ServingOptions {
  readonly api: KubernetesApi;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
  readonly port?: number;
}

/**
 * Serves the webhook in every agent for as long as there are keys for it: the one that leads makes
 * and renews them. A certificate lives for days beside the next: late looks miss nothing.
 */
export async function serveWebhook({ api, report, signal, port }: ServingOptions): Promise<void> {
  let server: WebhookServer | undefined;
  let certificate: string | undefined;
  while (!signal.aborted) {
    let pause = lookMilliseconds;
    try {
      const keys = await findWebhookKeys(api, signal);
      if (keys === undefined) {
        server?.close();
        server = undefined;
      } else if (server === undefined) {
        const { serving } = keys;
        server = createWebhookServer({ api, serving, report, ...(port !== undefined && { port }) });
      } else if (keys.serving.certificate !== certificate) {
        server.use(keys.serving);
      }
      certificate = keys?.serving.certificate;
    } catch (error) {
      if (isForbidden(error)) pause = unwantedLookMilliseconds;
      else if (!signal.aborted) report(error);
    }
    await wait(pause, undefined, { signal, ref: false }).catch(() => undefined);
  }
  server?.close();
}
