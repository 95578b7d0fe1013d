import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'node:tls';
import { isForbidden, type KubernetesApi } from '#kubernetes/api/index.ts';
import { serviceNames } from './configuration.ts';
import { findWebhookKeys } from './key-secret.ts';
import { createWebhookServer, type WebhookServer } from './server.ts';

const answerMilliseconds = 2_000;
const lookMilliseconds = 15_000;

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
      // Without the right to look, the webhook is not wanted.
      if (!isForbidden(error) && !signal.aborted) report(error);
    }
    await wait(lookMilliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }
  server?.close();
}

/** Whether the agent of this process serves with one of the certificates. */
export async function isServed(authorities: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const [servername] = serviceNames;
  const socket = connect({ host: '127.0.0.1', port, ca: authorities, servername });
  socket.setTimeout(answerMilliseconds, () => resolve(false));
  socket.on('secureConnect', () => resolve(true));
  socket.on('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
