import type { OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from '#server/http/exchange.ts';
import type { Examined, Health } from './health.ts';

/** Whether a request target is a probe: these are answered to anyone, in plain HTTP too. */
export function isProbe(target: string): boolean {
  return /^\/(?:healthz|readyz)(?:\?|$)/.test(target);
}

export interface Probes {
  handle(exchange: Exchange): Promise<void>;
  /** From now on the server is not ready: whoever watches it sends requests elsewhere. */
  stopping(): void;
}

const stopping: Examined = {
  name: 'server',
  condition: {
    status: 'fails',
    message: 'The server is stopping and ends what is under way: send new requests elsewhere.',
  },
};

/**
 * `/healthz` says that the process is alive, and looks at nothing else: whoever restarts a process
 * because its database is away helps nobody. `/readyz` says whether requests would be answered.
 */
export function createProbes(health: Health): Probes {
  let isStopping = false;

  async function answerReadiness(exchange: Exchange): Promise<void> {
    const examined = isStopping ? [stopping] : await health.examine();
    const fails = examined.some(({ condition }) => condition.status === 'fails');
    const status = fails ? 'unready' : 'ready';
    if (wantsJson(exchange)) {
      const checks = examined.map(({ name, condition }) => ({ name, ...condition }));
      reply(exchange, fails ? 503 : 200, 'application/json', JSON.stringify({ status, checks }));
    } else {
      const lines = [status, ...examined.map(lineOf), ''];
      reply(exchange, fails ? 503 : 200, 'text/plain; charset=utf-8', lines.join('\n'));
    }
  }

  return {
    async handle(exchange) {
      const { method } = exchange.request;
      if (method !== 'GET' && method !== 'HEAD') {
        const sentence = `${method} does not apply to ${exchange.path}: use GET or HEAD.\n`;
        reply(exchange, 405, 'text/plain; charset=utf-8', sentence, { Allow: 'GET, HEAD' });
      } else if (exchange.path === '/readyz') {
        await answerReadiness(exchange);
      } else if (wantsJson(exchange)) {
        reply(exchange, 200, 'application/json', JSON.stringify({ status: 'alive' }));
      } else {
        reply(exchange, 200, 'text/plain; charset=utf-8', 'alive\n');
      }
    },
    stopping() {
      isStopping = true;
    },
  };
}

function wantsJson({ request }: Exchange): boolean {
  return request.headers.accept?.includes('application/json') ?? false;
}

function lineOf({ name, condition }: Examined): string {
  return condition.status === 'works'
    ? `${name}: works`
    : `${name}: ${condition.status}: ${condition.message}`;
}

function reply(
  { request, response, id }: Exchange,
  status: number,
  contentType: string,
  body: string,
  headers: OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': id,
    ...headers,
  });
  response.end(body);
  // A probe has no body, and nobody waits for one that is sent all the same.
  request.resume();
}
