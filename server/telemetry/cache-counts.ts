import { counter, type MetricSnapshot } from './metrics.ts';

/** How often a cache held what it was asked for. Plain numbers, since every request asks. */
export interface CacheCounts {
  hits: number;
  misses: number;
}

export function newCacheCounts(): CacheCounts {
  return { hits: 0, misses: 0 };
}

export function cacheSnapshots(caches: Readonly<Record<string, CacheCounts>>): MetricSnapshot[] {
  const values = (of: (counts: CacheCounts) => number) =>
    Object.entries(caches).map(([cache, counts]) => ({ labels: { cache }, value: of(counts) }));
  return [
    counter(
      'berth_cache_hits_total',
      'Questions that were answered from memory.',
      values(({ hits }) => hits),
    ),
    counter(
      'berth_cache_misses_total',
      'Questions that memory had no answer to.',
      values(({ misses }) => misses),
    ),
  ];
}
