/**
 * What was just written, until a watch shows it: what is known of an object is older meanwhile, and
 * would be decided on a second time.
 */
export interface Settling {
  /** The version of an object that was written over; undefined where there was none. */
  wrote(key: string, superseded: string | undefined): void;
  /** Whether what is known is still what was written over. */
  isStale(key: string, known: string | undefined): boolean;
}

/** A watch that has not shown a write for so long is not going to: what is known is believed. */
const longestMilliseconds = 5_000;

export function createSettling(expired: (key: string) => void): Settling {
  const written = new Map<
    string,
    { readonly superseded: string | undefined; readonly timer: NodeJS.Timeout }
  >();

  function forget(key: string): void {
    clearTimeout(written.get(key)?.timer);
    written.delete(key);
  }

  return {
    wrote(key, superseded) {
      forget(key);
      const timer = setTimeout(() => {
        written.delete(key);
        expired(key);
      }, longestMilliseconds);
      written.set(key, { superseded, timer: timer.unref() });
    },
    isStale(key, known) {
      const entry = written.get(key);
      if (entry === undefined) return false;
      if (entry.superseded === known) return true;
      forget(key);
      return false;
    },
  };
}
