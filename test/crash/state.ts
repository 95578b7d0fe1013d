/**
 * What a registry holds, as flat facts:
 * ```
 * blob REPOSITORY DIGEST        its size
 * manifest REPOSITORY DIGEST    its size
 * tag REPOSITORY NAME           the digest it points at
 * ```
 */
export type State = ReadonlyMap<string, string>;

/** A fact after a change; undefined: it is gone. */
export type Changes = ReadonlyMap<string, string | undefined>;

/** What was acknowledged to clients, and what each of them still waits for. */
export interface Ledger {
  readonly state: State;
  /** Facts that were acknowledged once and are gone by an acknowledged deletion. */
  readonly deleted: ReadonlySet<string>;
  begin(client: number, changes: Changes): void;
  acknowledge(client: number): void;
  /** Nothing changed, and nothing will. */
  refuse(client: number): void;
  /**
   * Compares with what is really there. What nobody was answered for is then taken as it is found,
   * wholly there or not at all.
   * @returns what is wrong, in sentences
   */
  settle(observed: State): string[];
}

export function createLedger(initial: State = new Map()): Ledger {
  const state = new Map(initial);
  const deleted = new Set<string>();
  const pending = new Map<number, Changes>();

  function apply(changes: Changes): void {
    for (const [key, value] of changes) {
      if (value !== undefined) {
        state.set(key, value);
        deleted.delete(key);
      } else if (state.delete(key)) {
        deleted.add(key);
      }
    }
  }

  return {
    state,
    deleted,
    begin: (client, changes) => void pending.set(client, changes),
    acknowledge(client) {
      apply(pending.get(client) ?? new Map());
      pending.delete(client);
    },
    refuse: (client) => void pending.delete(client),
    settle(observed) {
      const problems: string[] = [];
      for (const changes of pending.values()) {
        const entries = [...changes];
        if (entries.every(([key, value]) => observed.get(key) === value)) apply(changes);
        else if (!entries.every(([key]) => observed.get(key) === state.get(key))) {
          const found = entries.map(([key]) => `${key} is ${observed.get(key) ?? 'absent'}`);
          problems.push(`half of an operation is there: ${found.join(', ')}`);
        }
      }
      pending.clear();
      return [...problems, ...differences(state, observed, deleted)];
    },
  };
}

function differences(expected: State, observed: State, deleted: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  for (const [key, value] of expected) {
    const found = observed.get(key);
    if (found === undefined) problems.push(`lost: ${key}`);
    else if (found !== value) problems.push(`${key} is ${found}, not ${value}`);
  }
  for (const key of observed.keys()) {
    if (expected.has(key)) continue;
    problems.push(deleted.has(key) ? `came back: ${key}` : `never pushed: ${key}`);
  }
  return problems;
}
