import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { agentPorts } from '#kubernetes/manifests/names.ts';
import type { ServingCertificate } from './certificate.ts';
import { podsPath } from './configuration.ts';
import { readPodReview, reviewAnswer, wantsReference } from './review.ts';

/** A pod is at most as large as etcd takes, and comes inside of a question. */
const maximumBody = 4 * 1024 * 1024;
/** The API server gives up after 2 s. */
const longestMilliseconds = 1_500;
const mostConnections = 200;

export interface WebhookServer {
  /** Serves with another certificate from the next connection on. */
  use(serving: ServingCertificate): void;
  /** Of the socket; rejects when it cannot be had. */
  readonly listening: Promise<number>;
  close(): void;
}

export interface WebhookServerOptions {
  readonly api: KubernetesApi;
  readonly serving: ServingCertificate;
  readonly report: (error: unknown) => void;
  readonly port?: number;
}

/** Answers the API server about pods that are being made, whether or not this agent leads. */
export function createWebhookServer(options: WebhookServerOptions): WebhookServer {
  const { api, serving, report, port = agentPorts.webhook } = options;
  const server = createServer(
    {
      cert: serving.certificate,
      key: serving.key,
      minVersion: 'TLSv1.2',
      requestTimeout: 5_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 60_000,
    },
    (request, response) => {
      answer(request, response).catch((error) => {
        report(error);
        response.destroy();
      });
    },
  );
  server.maxConnections = mostConnections;
  const listening = Promise.withResolvers<number>();
  server.on('error', (error) => {
    report(error);
    listening.reject(error);
  });
  // Probes and scanners break handshakes off: nobody has to know.
  server.on('tlsClientError', () => undefined);
  server.listen(port, () => {
    const address = server.address();
    listening.resolve(typeof address === 'object' && address !== null ? address.port : port);
  });
  listening.promise.catch(() => undefined);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const review =
      request.method === 'POST' && request.url?.split('?')[0] === podsPath
        ? readPodReview(await bodyOf(request))
        : undefined;
    if (review === undefined) {
      response.statusCode = 400;
      response.setHeader('connection', 'close');
      response.end();
      return;
    }
    const adds = await wantsReference(review, async () => {
      const place = { name: review.serviceAccount, namespace: review.namespace };
      const signal = AbortSignal.timeout(longestMilliseconds);
      try {
        const account = await api.find(resources.serviceAccounts, place, { signal });
        return account?.imagePullSecrets?.map(({ name }) => name);
      } catch (error) {
        report(error);
        return undefined;
      }
    });
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(reviewAnswer(review, adds)));
  }

  return {
    use: ({ certificate, key }) => server.setSecureContext({ cert: certificate, key }),
    listening: listening.promise,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Undefined for what is too large, or no JSON. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBody) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
