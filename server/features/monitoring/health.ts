/** What one part of the server says of itself. A sentence tells what is wrong, and what to do. */
export type Condition =
  | { readonly status: 'works' }
  /** Something is refused, the rest goes on: no reason to send requests elsewhere. */
  | { readonly status: 'degraded'; readonly message: string }
  | { readonly status: 'fails'; readonly message: string };

/** Something that the server cannot work without. */
export interface HealthCheck {
  readonly name: string;
  /** Rejects when it does not work: `message` is told then. */
  check(): Promise<Condition>;
  readonly message: string;
}

export interface Examined {
  readonly name: string;
  readonly condition: Condition;
}

export interface Health {
  /** Examines every part, or gives what was found a moment ago. Never rejects. */
  examine(): Promise<readonly Examined[]>;
}

const longestCheck = 5_000;
/** Probes of many nodes cost one look. */
const remembered = 1_000;

/** @param onChange hears of every part whose condition is another than at the look before */
export function createHealth(options: {
  readonly checks: readonly HealthCheck[];
  readonly onChange: (part: Examined, error: unknown) => void;
  readonly now: () => number;
}): Health {
  const { checks, onChange, now } = options;
  const last = new Map<string, Condition['status']>();
  let looked = Number.NEGATIVE_INFINITY;
  let look: Promise<readonly Examined[]> = Promise.resolve([]);

  async function examine(check: HealthCheck): Promise<Examined> {
    const { condition, error } = await conditionOf(check);
    const examined = { name: check.name, condition };
    if ((last.get(check.name) ?? 'works') !== condition.status) onChange(examined, error);
    last.set(check.name, condition.status);
    return examined;
  }

  return {
    examine() {
      if (now() - looked >= remembered) {
        looked = now();
        look = Promise.all(checks.map(examine));
      }
      return look;
    },
  };
}

async function conditionOf({
  name,
  check,
  message,
}: HealthCheck): Promise<{ condition: Condition; error?: unknown }> {
  const { promise: tooLong, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${name} takes too long`)), longestCheck);
  try {
    return { condition: await Promise.race([check(), tooLong]) };
  } catch (error) {
    return { condition: { status: 'fails', message }, error };
  } finally {
    clearTimeout(timer);
  }
}
