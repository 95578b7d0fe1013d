import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Resources {
  /** Resident bytes. */
  readonly memory: number;
  /** Open files and sockets. */
  readonly descriptors: number;
}

function resourcesOf(pid: number): Resources {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { memory: kilobytes * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Resources at rest: once no file or socket was closed for two seconds. */
export async function restingResources(pid: number): Promise<Resources> {
  let seen = resourcesOf(pid);
  for (let quiet = 0, rounds = 0; quiet < 4 && rounds < 120; rounds += 1) {
    await pause(500);
    const now = resourcesOf(pid);
    quiet = now.descriptors >= seen.descriptors ? quiet + 1 : 0;
    seen = now;
  }
  return seen;
}
