import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { agentPorts, agentProbes } from '#kubernetes/manifests/names.ts';

/** The kubelet opens one at a time, and is answered at once. */
const mostConnections = 64;

/**
 * Answers the kubelet's probes. An agent that waits to lead is as ready as one that leads, and one
 * whose registry is away is no worse off for a restart.
 */
export function serveHealth(
  signal: AbortSignal,
  report: (error: unknown) => void,
  port: number = agentPorts.health,
): void {
  const known: readonly string[] = Object.values(agentProbes);
  const open = new Set<Socket>();
  const limits = { maxHeaderSize: 4_096, headersTimeout: 5_000, requestTimeout: 5_000 };
  const server = createServer(limits, (request, response) => {
    response.statusCode = known.includes(request.url ?? '') ? 200 : 404;
    response.end();
  });
  // Any pod may hold connections open: the oldest gives way, so that a probe always gets through.
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size > mostConnections) oldest?.destroy();
  });
  server.on('error', report);
  server.listen(port);
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
}
