import { createBoundedCache } from '#lib/bounded-cache.ts';
import type { MaybePromise } from '#lib/maybe-promise.ts';
import { type CacheCounts, newCacheCounts } from '#server/telemetry/cache-counts.ts';

/** Strings hold no NUL character. */
export type MemoryKey = string | number;

type Answer<Row> = MaybePromise<Row | undefined>;

/** What remembered queries have answered, until something was committed. */
export interface Memory {
  /**
   * A query that is asked at most once for the same arguments between two calls of `forget`. An
   * answer is shared by its callers: nobody changes it.
   */
  remembering<Parameters extends readonly MemoryKey[], Row>(
    query: (callArguments: Parameters) => Answer<Row>,
  ): (...callArguments: Parameters) => Answer<Row>;
  readonly counts: CacheCounts;
  /** Empties it. An answer whose query began before that does not enter it any more. */
  forget(): void;
}

/** Of each query. */
const rememberedAnswers = 20_000;
const absent = Symbol('a query that found no row');

export function createMemory(capacity = rememberedAnswers): Memory {
  const forgetful: (() => void)[] = [];
  const counts = newCacheCounts();
  let times = 0;
  return {
    counts,
    remembering<Parameters extends readonly MemoryKey[], Row>(
      query: (callArguments: Parameters) => Answer<Row>,
    ) {
      const answers = createBoundedCache<Answer<Row> | typeof absent>(capacity);
      forgetful.push(answers.clear);
      return (...callArguments: Parameters) => {
        const key = keyOf(callArguments);
        const known = answers.get(key);
        if (known !== undefined) {
          counts.hits += 1;
          return known === absent ? undefined : known;
        }
        counts.misses += 1;
        const answer = query(callArguments);
        answers.set(key, answer ?? absent);
        if (answer instanceof Promise) settle(answer, key);
        return answer;
      };

      /** Callers that ask meanwhile wait for the same answer. */
      function settle(answer: Promise<Row | undefined>, key: string): void {
        const asked = times;
        answer.then(
          (row) => {
            if (asked === times) answers.set(key, row ?? absent);
          },
          () => {
            if (asked === times) answers.delete(key);
          },
        );
      }
    },
    forget() {
      times += 1;
      for (const clear of forgetful) clear();
    },
  };
}

function keyOf(callArguments: readonly MemoryKey[]): string {
  switch (callArguments.length) {
    case 1:
      return String(callArguments[0]);
    case 2:
      return `${callArguments[0]}\0${callArguments[1]}`;
    default:
      return callArguments.join('\0');
  }
}
