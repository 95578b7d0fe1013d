import type { MetricSnapshot, MetricSource } from '#server/telemetry/metrics.ts';

const longestWait = 3_000;

/**
 * Asks `source` again when its last answer is older than `milliseconds`, whoever asks meanwhile.
 * A source that fails or hangs leaves its metrics out: the others are what people then look at.
 */
export function rememberedSource(
  source: () => Promise<readonly MetricSnapshot[]>,
  options: {
    readonly milliseconds: number;
    readonly now: () => number;
    readonly reportFailure: (error: unknown) => void;
  },
): MetricSource {
  const { milliseconds, now, reportFailure } = options;
  let asked = Number.NEGATIVE_INFINITY;
  let answer: Promise<readonly MetricSnapshot[]> = Promise.resolve([]);

  return async () => {
    if (now() - asked >= milliseconds) {
      asked = now();
      answer = source().catch((error: unknown) => {
        reportFailure(error);
        return [];
      });
    }
    const late = Promise.withResolvers<readonly MetricSnapshot[]>();
    const timer = setTimeout(() => late.resolve([]), longestWait);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}
