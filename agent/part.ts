import type {
  AgentCalls,
  AgentCheck,
  AwaitedNode,
  DesiredState,
  NamespaceCredentials,
  NodeReport,
  ServerCalls,
} from '#contract/agent.ts';
import type { KubernetesApi, Node, ObjectStore } from '#kubernetes/api/index.ts';
import type { Log } from './log.ts';

/** A namespace of the cluster, as it is kept. */
export interface ClusterNamespace {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Nothing can be created in it any more. */
  readonly terminating: boolean;
}

/** What of a node's report only its part can know. */
export type NodeFacts = Pick<NodeReport, 'distribution' | 'trust' | 'credentialProvider'>;

/** What the agent tells the server by itself, batched; parts say what changes. */
export interface Reports {
  setNode(name: string, facts: NodeFacts): void;
  /** Undefined where none are wanted. */
  setNamespace(name: string, credentials: NamespaceCredentials | undefined): void;
  setCheck(check: AgentCheck): void;
  /** Resolves once the server was told of the checks that were set, or could not be. */
  checksTold(): Promise<void>;
}

/** What a part works with while this agent leads. */
export interface AgentContext {
  readonly api: KubernetesApi;
  /** `host[:port]`, as image names begin. */
  readonly registry: string;
  /** That this process runs in. */
  readonly pod: string;
  /** Calls are refused as `unavailable` while there is no connection. */
  readonly server: ServerCalls;
  readonly namespaces: ObjectStore<ClusterNamespace>;
  /** As the API server answers, without the fields that nobody here reads. */
  readonly nodes: ObjectStore<Node>;
  readonly reports: Reports;
  readonly log: Log;
  /** Aborted when another leads, and at the end. */
  readonly signal: AbortSignal;
}

/** How far a part may go when the cluster is disconnected. */
export interface RemovalOrder {
  /** Aborted, maybe at once, when no node is to be waited for. */
  readonly leaveProvider: AbortSignal;
  /** Tells which nodes are waited for now, none at the end. */
  waitsFor(nodes: readonly AwaitedNode[]): void;
}

/** One thing that the agent brings about. It is made anew each time that this agent begins to lead. */
export interface AgentPart {
  readonly name: string;
  /**
   * Brings `desired` about. Calls of one part come one after the other, the newest state only; one
   * that fails is repeated.
   */
  stateChanged(desired: DesiredState): Promise<void>;
  /** The server can be called, for the first time or again. */
  connected?(): void;
  /** What the part answers of what the server asks. */
  readonly answers?: Partial<AgentCalls>;
  /**
   * Takes away everything that the part has put into the cluster, and puts nothing there again.
   * Returns a sentence for each thing that had to be left.
   */
  remove?(order: RemovalOrder): Promise<readonly string[]>;
}

export type CreateAgentPart = (context: AgentContext) => AgentPart;
