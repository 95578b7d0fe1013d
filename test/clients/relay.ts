import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A wire between the clients and Berth that is cut once. */
export interface Relay {
  readonly wasCut: boolean;
  close(): Promise<void>;
}

/** Passes bytes on to Berth, and cuts the first connection that has brought more than `bytes`. */
export async function startRelay(listen: string, berth: string, bytes: number): Promise<Relay> {
  let wasCut = false;
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
      if (passed <= bytes || wasCut || client.destroyed) return;
      wasCut = true;
      client.destroy();
    });
  });
  server.listen(443, listen);
  await once(server, 'listening');
  return {
    get wasCut() {
      return wasCut;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
