/** What one connection may bring: `burst` at once, and `perSecond` in the long run. */
interface Limit {
  readonly burst: number;
  readonly perSecond: number;
}

/** Far more than an agent of a large cluster has to say. */
const limits: Readonly<Record<'messages' | 'bytes', Limit>> = {
  messages: { burst: 5_000, perSecond: 500 },
  bytes: { burst: 64 * 1024 * 1024, perSecond: 4 * 1024 * 1024 },
};

/** What has the server compute and write, and an agent needs once in a while. */
const costly: Limit = { burst: 20, perSecond: 0.1 };

/** Tells whether one more message, of so many bytes, is too much. */
export type IsFlood = (bytes: number) => boolean;

export function limitFloods(clock: () => number = () => performance.now()): IsFlood {
  let at = clock();
  let messages = limits.messages.burst;
  let bytes = limits.bytes.burst;
  return (size) => {
    const now = clock();
    const seconds = (now - at) / 1_000;
    at = now;
    messages = refilled(messages, limits.messages, seconds) - 1;
    bytes = refilled(bytes, limits.bytes, seconds) - size;
    return messages < 0 || bytes < 0;
  };
}

/** Tells whether one more costly call is too much. */
export function limitCostly(clock: () => number = () => performance.now()): () => boolean {
  let at = clock();
  let calls = costly.burst;
  return () => {
    const now = clock();
    calls = refilled(calls, costly, (now - at) / 1_000);
    at = now;
    if (calls < 1) return true;
    calls -= 1;
    return false;
  };
}

function refilled(left: number, { burst, perSecond }: Limit, seconds: number): number {
  return Math.min(burst, left + perSecond * seconds);
}
