import type { NamespaceCredentials, Problem } from '#contract/agent.ts';

/** The two things that a namespace needs. */
export type Concern = 'secret' | 'references';

export type ConcernState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** How far namespaces are; what was told is told again only when it changes. */
export interface States {
  set(namespace: string, concern: Concern, state: ConcernState): void;
  /** None are wanted there. */
  clear(namespace: string): void;
  /** What somebody must do something about. */
  problem(namespace: string): Problem | undefined;
}

type Entry = Partial<Record<Concern, ConcernState>>;

export function createStates(
  tell: (namespace: string, credentials: NamespaceCredentials | undefined) => void,
): States {
  const entries = new Map<string, Entry>();
  const told = new Map<string, string>();

  function tellChange(namespace: string, credentials: NamespaceCredentials | undefined): void {
    const text = credentials === undefined ? undefined : JSON.stringify(credentials);
    if (told.get(namespace) === text) return;
    if (text === undefined) told.delete(namespace);
    else told.set(namespace, text);
    tell(namespace, credentials);
  }

  return {
    set(namespace, concern, state) {
      const entry = { ...entries.get(namespace), [concern]: state };
      entries.set(namespace, entry);
      tellChange(namespace, credentialsOf(entry));
    },
    clear(namespace) {
      entries.delete(namespace);
      tellChange(namespace, undefined);
    },
    problem: (namespace) => problemOf(entries.get(namespace) ?? {}),
  };
}

function problemOf({ secret, references }: Entry): Problem | undefined {
  if (secret?.kind === 'problem') return secret.problem;
  return references?.kind === 'problem' ? references.problem : undefined;
}

function credentialsOf(entry: Entry): NamespaceCredentials {
  const problem = problemOf(entry);
  if (problem !== undefined) return { state: 'problem', problem };
  const ready = entry.secret?.kind === 'ready' && entry.references?.kind === 'ready';
  return { state: ready ? 'ready' : 'waiting' };
}
