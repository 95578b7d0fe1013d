import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A wire between the clients and Berth that can be cut. */
export interface Relay {
  /** How often it was cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

/**
 * Passes bytes on to Berth, and cuts each of the first `cuts` connections that have brought more
 * than `bytes` to the client.
 */
export async function startRelay(
  { listen, berth }: { listen: string; berth: string },
  { bytes, cuts: wanted }: { bytes: number; cuts: number },
): Promise<Relay> {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(443, berth);
    let passed = 0;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
    upstream.on('data', (chunk: Buffer) => {
      passed += chunk.length;
      if (passed <= bytes || cuts >= wanted || client.destroyed) return;
      cuts += 1;
      client.destroy();
    });
  });
  server.listen(443, listen);
  await once(server, 'listening');
  return {
    get cuts() {
      return cuts;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
