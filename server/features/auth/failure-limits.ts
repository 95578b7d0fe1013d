import { isIPv6 } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { createBoundedCache } from '#lib/bounded-cache.ts';
import { TooManyRequests } from '#server/http/status.ts';

/** Failures that are let pass in each window. */
export interface FailureLimitsOptions {
  readonly windowSeconds: number;
  /** Of one name from one address. */
  readonly perNameAndAddress: number;
  /** Of one name from addresses that it has not signed in from. */
  readonly perName: number;
  /** From one address, whatever the names. It also bounds what is remembered. */
  readonly perAddress: number;
}

export interface FailureLimits {
  /**
   * Counts an attempt as a failure, until it is forgiven.
   * @throws {TooManyRequests}
   */
  count(name: string, address: string): Promise<void>;
  /** The attempt was none of a guesser. */
  forgive(name: string, address: string): Promise<void>;
}

/** Limits the failures of one kind. Every process that asks for the same kind gets the same counts. */
export type LimitFailures = (kind: string, options: FailureLimitsOptions) => FailureLimits;

/** Counts in the memory of this process. */
export const limitFailuresHere: LimitFailures = (_kind, options) => createFailureLimits(options);

export function createFailureLimits(options: FailureLimitsOptions): FailureLimits {
  const limiter = (points: number) =>
    new RateLimiterMemory({ points, duration: options.windowSeconds });
  const pairs = limiter(options.perNameAndAddress);
  const names = limiter(options.perName);
  const addresses = limiter(options.perAddress);
  /** Guessers elsewhere do not lock somebody out of where they are used to sign in. */
  const familiar = createBoundedCache<true>(10_000);

  return {
    count: async (name, address) => {
      const network = networkOf(address);
      const pair = `${network} ${name}`;
      await consume(pairs, pair, name);
      await consume(addresses, network, name);
      if (familiar.get(pair) === undefined) await consume(names, name, name);
    },
    forgive: async (name, address) => {
      const network = networkOf(address);
      const pair = `${network} ${name}`;
      await pairs.delete(pair);
      await addresses.reward(network);
      if (familiar.get(pair) === undefined) await names.reward(name);
      familiar.set(pair, true);
    },
  };
}

async function consume(limiter: RateLimiterMemory, key: string, name: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const seconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
    throw new TooManyRequests(
      `Too many failed attempts to sign in as ${name}: wait ${seconds} seconds, then check the name and the password.`,
      seconds,
    );
  }
}

/** Whoever holds one IPv6 address commonly holds its whole /64. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1);
  const [head = '', tail = ''] = address.split('%', 1)[0]?.split('::') ?? [];
  const first = groupsOf(head);
  const last = groupsOf(tail);
  const zeros = new Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16).toString(16));
}
