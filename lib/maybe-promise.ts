/** A value that is at hand on SQLite and under way on PostgreSQL. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with `value`, at once where it is at hand. */
export function chain<T, U>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
