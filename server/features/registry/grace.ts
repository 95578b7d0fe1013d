/** How long what nobody needs is kept. */
export interface Grace {
  readonly milliseconds: number;
  /** What was held no longer ago than this outlives any push that counts on it. */
  readonly freshMilliseconds: number;
}

const hour = 60 * 60 * 1000;

export function graceOf(milliseconds: number): Grace {
  return { milliseconds, freshMilliseconds: Math.min(hour, milliseconds / 24) };
}
