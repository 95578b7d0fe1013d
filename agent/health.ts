import { createServer } from 'node:http';
import { agentPorts, agentProbes } from '#kubernetes/manifests/names.ts';

/**
 * Answers the kubelet's probes. An agent that waits to lead is as ready as one that leads, and one
 * whose registry is away is no worse off for a restart.
 */
export function serveHealth(signal: AbortSignal, report: (error: unknown) => void): void {
  const known: readonly string[] = Object.values(agentProbes);
  const server = createServer((request, response) => {
    response.statusCode = known.includes(request.url ?? '') ? 200 : 404;
    response.end();
  });
  server.on('error', report);
  server.listen(agentPorts.health);
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
}
