import type { NamespaceCredential, NamespaceReport, ServerCalls } from '#contract/agent.ts';

/** Credentials on their way from the server into Secrets. */
export interface Credentials {
  /** One for the namespace: the one that was issued and is in no Secret yet, else a new one. */
  issue(namespace: NamespaceReport): Promise<NamespaceCredential>;
  /** It is in its Secret, or of no use any more. */
  placed(namespace: string, generation: number): void;
  forget(namespace: string): void;
  /** Says what could not be said while the server was away. */
  connected(): void;
}

type Server = Pick<ServerCalls, 'credentials.issue' | 'credentials.placed'>;

export function createCredentials(server: Server): Credentials {
  const issued = new Map<
    string,
    { readonly uid: string; readonly credential: NamespaceCredential }
  >();
  const unsaid = new Map<string, number>();

  async function say(namespace: string, generation: number): Promise<void> {
    unsaid.set(namespace, generation);
    try {
      await server['credentials.placed']({ namespace, generation });
    } catch {
      // It is said after the next connection; until then both generations live.
      return;
    }
    if (unsaid.get(namespace) === generation) unsaid.delete(namespace);
  }

  return {
    async issue(namespace) {
      const { name, uid } = namespace;
      const earlier = issued.get(name);
      if (earlier?.uid === uid) return earlier.credential;
      const credential = await server['credentials.issue']({ namespace });
      issued.set(name, { uid, credential });
      return credential;
    },
    placed(namespace, generation) {
      issued.delete(namespace);
      void say(namespace, generation);
    },
    forget(namespace) {
      issued.delete(namespace);
      unsaid.delete(namespace);
    },
    connected() {
      for (const [namespace, generation] of unsaid) void say(namespace, generation);
    },
  };
}
