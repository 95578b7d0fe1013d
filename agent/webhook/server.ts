import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { agentPorts } from '#kubernetes/manifests/names.ts';
import type { ServingCertificate } from './certificate.ts';
import { podsPath } from './configuration.ts';
import { readPodReview, reviewAnswer, wantsReference } from './review.ts';

/** A pod is at most as large as etcd takes, and comes inside of a question. */
const maximumBody = 4 * 1024 * 1024;
/** Of all questions at one time: any pod of the cluster may send them, and they lie in memory. */
const maximumBodies = 16 * 1024 * 1024;
/** Of lists and objects in one question: each costs far more memory than the bytes that it has. */
const mostBrackets = 100_000;
/** Questions that ask the API server in turn, at one time. */
const mostLookups = 20;
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

  let received = 0;
  let lookups = 0;

  /** Undefined for what is too large, for now or ever, or no JSON. */
  async function bodyOf(request: IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        size += chunk.length;
        received += chunk.length;
        if (size > maximumBody || received > maximumBodies) return undefined;
        chunks.push(chunk);
      }
      return readJson(Buffer.concat(chunks));
    } finally {
      received -= size;
    }
  }

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
      if (lookups >= mostLookups) return undefined;
      const place = { name: review.serviceAccount, namespace: review.namespace };
      const signal = AbortSignal.timeout(longestMilliseconds);
      lookups += 1;
      try {
        const account = await api.find(resources.serviceAccounts, place, { signal });
        return account?.imagePullSecrets?.map(({ name }) => name);
      } catch (error) {
        report(error);
        return undefined;
      } finally {
        lookups -= 1;
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

function readJson(bytes: Buffer): unknown {
  let brackets = 0;
  for (const byte of bytes) if (byte === 0x5b || byte === 0x7b) brackets += 1;
  if (brackets > mostBrackets) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
