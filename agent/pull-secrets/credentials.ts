import type { NamespaceCredential, NamespaceReport, ServerCalls } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import { createWorkQueue } from './work-queue.ts';

/** Credentials on their way from the server into Secrets. */
export interface Credentials {
  /** One for the namespace: the one that was issued and is in no Secret yet, else a new one. */
  issue(namespace: NamespaceReport): Promise<NamespaceCredential>;
  /** It is in its Secret: said until the server has heard it. */
  placed(namespace: string, generation: number): void;
  forget(namespace: string): void;
  /** What could not be said while the server was away is said now. */
  connected(): void;
  close(): void;
}

export interface CredentialsOptions {
  readonly server: Pick<ServerCalls, 'credentials.issue' | 'credentials.placed'>;
  /** The server does not know the credential that is in the Secret of a namespace. */
  readonly unknown: (namespace: string, generation: number) => void;
}

const saidAtOneTime = 8;
const pauses = { first: 1_000, last: 60_000 };

export function createCredentials({ server, unknown }: CredentialsOptions): Credentials {
  const issued = new Map<
    string,
    { readonly uid: string; readonly credential: NamespaceCredential }
  >();
  const unsaid = new Map<string, number>();
  const queue = createWorkQueue({ concurrency: saidAtOneTime, pauses, work: say });

  async function say(namespace: string): Promise<void> {
    const generation = unsaid.get(namespace);
    if (generation === undefined) return;
    try {
      await server['credentials.placed']({ namespace, generation });
    } catch (error) {
      if (!(error instanceof Refusal && error.kind === 'not-found')) throw error;
      // Not at once: a server that knew none of its own would be asked without an end.
      setTimeout(() => unknown(namespace, generation), pauses.first).unref();
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
      if (issued.get(namespace)?.credential.generation === generation) issued.delete(namespace);
      unsaid.set(namespace, generation);
      queue.add(namespace);
    },
    forget(namespace) {
      issued.delete(namespace);
      unsaid.delete(namespace);
    },
    connected: queue.retryAll,
    close: queue.close,
  };
}
