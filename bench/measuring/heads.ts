import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from './figures.ts';
import { cpuSeconds } from './processes.ts';
import type { Load, LoadResult } from './wrk.ts';

const headEnd = Buffer.from('\r\n\r\n');

/**
 * HEAD requests over plain HTTP, which wrk cannot send: it waits for the body that Content-Length
 * names. Costs about as much as a server on Node.js does, so compare `serverSeconds`.
 * @throws {Error} where an answer is not a 200
 */
export async function headLoad(
  pid: number,
  { url, connections, seconds, headers = {} }: Load,
): Promise<LoadResult> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const request = Buffer.from(`HEAD ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const latencies: number[] = [];
  const failed = Promise.withResolvers<never>();

  function open(): Socket {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay();
    let sent = 0;
    let received: Buffer = Buffer.alloc(0);
    const send = () => {
      sent = performance.now();
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('error', failed.reject);
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (!received.subarray(-headEnd.length).equals(headEnd)) return;
      if (!received.subarray(0, 13).equals(expected)) {
        failed.reject(new Error(`HEAD ${url}: ${received.toString('latin1', 0, 100)}`));
        return;
      }
      received = received.subarray(0, 0);
      latencies.push(performance.now() - sent);
      send();
    });
    return socket;
  }

  const serverBefore = cpuSeconds(pid);
  const clientBefore = process.cpuUsage();
  const began = performance.now();
  const sockets = Array.from({ length: connections }, open);
  try {
    await Promise.race([pause(seconds * 1000), failed.promise]);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const elapsed = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(clientBefore);
  const sorted = Float64Array.from(latencies).sort();
  return {
    requests: latencies.length,
    requestsPerSecond: latencies.length / elapsed,
    bytesPerSecond: 0,
    latency: {
      mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
      p50: median([...sorted]),
      p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    },
    clientShare: (user + system) / 1e6 / elapsed,
    serverSeconds: cpuSeconds(pid) - serverBefore,
  };
}

const expected = Buffer.from('HTTP/1.1 200 ');
