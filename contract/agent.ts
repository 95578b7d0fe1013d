import { type Static, Type } from 'typebox';
import { maximumNameLength } from './names.ts';

/*
 * What an agent inside a cluster and the server say to each other: JSON texts on one WebSocket
 * that the agent opens. Each side checks what the other sends against these shapes.
 */

/** Where the connection is opened. */
export const agentConnectionPath = '/api/v2.0/agent/connection';
/** Where a connect token is exchanged for an identity. */
export const agentEnrolmentPath = '/api/v2.0/agent/enrolments';
/** Where the operator's command fetches what it pipes into kubectl. */
export const agentManifestPath = '/api/v2.0/agent/manifests';

/** Of one message, in bytes. */
export const maximumAgentMessage = 4 * 1024 * 1024;

/** Of the ServiceAccount token by which an agent shows which cluster it runs in. */
export function agentAudience(registry: string): string {
  return `berth-agent/${registry}`;
}

/** RFC 1123, as far as an expression says it: nothing that a path, a line or a terminal would mistake. */
const KubernetesName = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: '^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$',
});
const Sentence = Type.String({ maxLength: 2_048 });

/** What is wrong, and what to do about it. */
export const Problem = Type.Object({ message: Sentence, cure: Sentence });
export type Problem = Static<typeof Problem>;

/** A public key of a cluster's ServiceAccount tokens, as its JWKS has it (RFC 7517). */
export const PublicKey = Type.Object(
  {
    kty: Type.Union([Type.Literal('RSA'), Type.Literal('EC'), Type.Literal('OKP')]),
    kid: Type.Optional(Type.String({ maxLength: 256 })),
    alg: Type.Optional(Type.String({ maxLength: 16 })),
    n: Type.Optional(Type.String({ maxLength: 2_048 })),
    e: Type.Optional(Type.String({ maxLength: 16 })),
    crv: Type.Optional(Type.String({ maxLength: 16 })),
    x: Type.Optional(Type.String({ maxLength: 256 })),
    y: Type.Optional(Type.String({ maxLength: 256 })),
  },
  { additionalProperties: true },
);
export type PublicKey = Static<typeof PublicKey>;

/** Which cluster it is, and the proof: a token of the agent's own ServiceAccount, just issued. */
export const ClusterProof = Type.Object({
  /** Of the namespace kube-system. */
  uid: Type.String({ minLength: 1, maxLength: 64 }),
  issuer: Type.String({ minLength: 1, maxLength: 1_024 }),
  keys: Type.Array(PublicKey, { minItems: 1, maxItems: 20 }),
  /** For `agentAudience`. */
  serviceAccountToken: Type.String({ minLength: 1, maxLength: 8_192 }),
  kubernetesVersion: Type.String({ maxLength: 64 }),
});
export type ClusterProof = Static<typeof ClusterProof>;

/** The connect token goes in the Authorization header. */
export const Enrolment = Type.Object({ proof: ClusterProof });
export type Enrolment = Static<typeof Enrolment>;

/** What an agent proves itself with from now on. */
export const AgentIdentity = Type.Object({
  cluster: Type.String({ maxLength: 63 }),
  secret: Type.String({ maxLength: 256 }),
});
export type AgentIdentity = Static<typeof AgentIdentity>;

export const NamespaceSelector = Type.Union([
  // Whether it can be the name of a namespace is told in a sentence.
  Type.Object({
    kind: Type.Literal('name'),
    name: Type.String({ minLength: 1, maxLength: 253 }),
  }),
  Type.Object({
    kind: Type.Literal('labels'),
    labels: Type.Record(Type.String({ maxLength: 317 }), Type.String({ maxLength: 63 })),
  }),
  /** All but those of Kubernetes itself. */
  Type.Object({ kind: Type.Literal('all') }),
]);
export type NamespaceSelector = Static<typeof NamespaceSelector>;

/** What becomes of kubelet credential providers on nodes: nothing, files laid down, flags set too. */
export const CredentialProviderMode = Type.Union([
  Type.Literal('off'),
  Type.Literal('install'),
  Type.Literal('configure'),
]);
export type CredentialProviderMode = Static<typeof CredentialProviderMode>;

/** All that an agent is to bring about in its cluster. */
export const DesiredState = Type.Object({
  /** Another one whenever anything else here is. */
  revision: Type.String(),
  cluster: Type.String(),
  registry: Type.Object({
    /** As image names begin: `host[:port]`. Also the audience of workloads' tokens. */
    name: Type.String(),
    /** PEM, one certificate or several that overlap; absent where every machine trusts it anyway. */
    authorities: Type.Optional(Type.String()),
    /** Where nodes and the agent reach it, when its name leads them nowhere: `https://host[:port]`. */
    addresses: Type.Array(Type.String()),
  }),
  nodes: Type.Object({
    /** Of the DaemonSet, instead of one that nodes have. */
    image: Type.Optional(Type.String()),
    /** Whether containerd's configuration may be changed where it names no `config_path`. */
    setConfigPath: Type.Boolean(),
    credentialProvider: CredentialProviderMode,
  }),
  pullSecrets: Type.Object({
    selectors: Type.Array(NamespaceSelector),
    /** Whether a webhook gives pods the reference that their ServiceAccount lacks. */
    webhook: Type.Boolean(),
  }),
});
export type DesiredState = Static<typeof DesiredState>;

export const NodeTrust = Type.Object({
  state: Type.Union([Type.Literal('trusted'), Type.Literal('pending'), Type.Literal('problem')]),
  /** SHA-256 of the authorities that the node has, as it was told them. */
  authorities: Type.Optional(Type.String({ maxLength: 64 })),
  configPath: Type.Optional(Type.String({ maxLength: 1_024 })),
  problem: Type.Optional(Problem),
});
export type NodeTrust = Static<typeof NodeTrust>;

export const NodeCredentialProvider = Type.Object({
  state: Type.Union([
    Type.Literal('off'),
    /** The files are there, and no kubelet flag names them. */
    Type.Literal('installed'),
    Type.Literal('active'),
    /** The flags still name a provider that answers nothing. */
    Type.Literal('inert'),
    Type.Literal('problem'),
  ]),
  problem: Type.Optional(Problem),
});
export type NodeCredentialProvider = Static<typeof NodeCredentialProvider>;

export const NodeReport = Type.Object({
  name: KubernetesName,
  addresses: Type.Array(Type.String({ maxLength: 253 }), { maxItems: 20 }),
  architecture: Type.String({ maxLength: 32 }),
  operatingSystem: Type.String({ maxLength: 256 }),
  kubeletVersion: Type.String({ maxLength: 64 }),
  /** As the node says it: `containerd://2.4.2`. */
  runtime: Type.String({ maxLength: 128 }),
  /** `kubeadm`, `k3s`, `rke2`, … or `unknown`. */
  distribution: Type.String({ maxLength: 32 }),
  trust: NodeTrust,
  credentialProvider: NodeCredentialProvider,
});
export type NodeReport = Static<typeof NodeReport>;

/** A node that a disconnection waits for, and what to do there. */
export const AwaitedNode = Type.Object({ name: KubernetesName, problem: Problem });
export type AwaitedNode = Static<typeof AwaitedNode>;

/** How far pull secrets of a namespace are; absent where none are wanted. */
export const NamespaceCredentials = Type.Object({
  state: Type.Union([Type.Literal('waiting'), Type.Literal('ready'), Type.Literal('problem')]),
  problem: Type.Optional(Problem),
});
export type NamespaceCredentials = Static<typeof NamespaceCredentials>;

/** Of one namespace: what is beyond is not told, and selects nothing. */
export const mostNamespaceLabels = 64;

export const NamespaceReport = Type.Object({
  name: KubernetesName,
  uid: Type.String({ maxLength: 64 }),
  labels: Type.Record(Type.String({ maxLength: 317 }), Type.String({ maxLength: 63 }), {
    maxProperties: mostNamespaceLabels,
  }),
  credentials: Type.Optional(NamespaceCredentials),
});
export type NamespaceReport = Static<typeof NamespaceReport>;

/**
 * What changed; with `complete`, what is not named is gone. A list that is longer than one message
 * goes in several, sorted by name in code units: each is complete of the names from `from` on and
 * before `until`.
 */
function changesOf<Item extends Parameters<typeof Type.Array>[0]>(item: Item) {
  return Type.Object({
    complete: Type.Boolean(),
    from: Type.Optional(KubernetesName),
    until: Type.Optional(KubernetesName),
    changed: Type.Array(item, { maxItems: 1_000 }),
    removed: Type.Array(KubernetesName, { maxItems: 1_000 }),
  });
}

/** A part of the agent's checklist, by a name that the server knows. */
export const AgentCheck = Type.Object({
  name: Type.Union([
    Type.Literal('rbac'),
    Type.Literal('inventory'),
    Type.Literal('test-pull'),
    Type.Literal('webhook'),
    /** Passed, with the version of the agent as its detail. */
    Type.Literal('version'),
  ]),
  state: Type.Union([Type.Literal('waiting'), Type.Literal('passed'), Type.Literal('failed')]),
  detail: Type.Optional(Sentence),
  problem: Type.Optional(Problem),
});
export type AgentCheck = Static<typeof AgentCheck>;

const Generation = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** The credential of a namespace's robot: `username` and `secret` as a pull secret holds them. */
export const NamespaceCredential = Type.Object({
  /** Counts up with each rotation. */
  generation: Generation,
  username: Type.String({ maxLength: maximumNameLength * 2 }),
  secret: Type.String({ maxLength: 256 }),
  /** Milliseconds since the epoch: ask again from then on. */
  renewAt: Type.Integer(),
});
export type NamespaceCredential = Static<typeof NamespaceCredential>;

const Nothing = Type.Object({});

/** What an agent asks of the server. */
export const serverMethods = {
  /** Its keys may have changed. */
  'cluster.prove': { parameters: ClusterProof, result: Nothing },
  /** A new secret of its own; the one in use ends when the new one is first used. */
  'identity.renew': { parameters: Nothing, result: AgentIdentity },
  'nodes.report': { parameters: changesOf(NodeReport), result: Nothing },
  'namespaces.report': { parameters: changesOf(NamespaceReport), result: Nothing },
  'checks.report': {
    parameters: Type.Object({ checks: Type.Array(AgentCheck, { maxItems: 20 }) }),
    result: Nothing,
  },
  /**
   * A credential for a namespace that a selector covers. Two live at a time: this one, and the one
   * before it. Refused, `denied`, where nothing is granted to the namespace.
   */
  'credentials.issue': {
    parameters: Type.Object({ namespace: NamespaceReport }),
    result: NamespaceCredential,
  },
  /** The credential of that generation is in its Secret: those before it may end. */
  'credentials.placed': {
    parameters: Type.Object({ namespace: KubernetesName, generation: Generation }),
    result: Nothing,
  },
  /**
   * Everything is taken away but what stands on nodes. The agent waits for those whose kubelets name
   * the credential provider, and goes on by itself when none does.
   */
  'cluster.waits': {
    parameters: Type.Object({
      left: Type.Array(Sentence, { maxItems: 1_000 }),
      nodes: Type.Array(AwaitedNode, { maxItems: 1_000 }),
    }),
    result: Nothing,
  },
  /** Nothing of the agent's is left in the cluster but itself. */
  'cluster.removed': {
    parameters: Type.Object({ left: Type.Array(Sentence, { maxItems: 1_000 }) }),
    result: Nothing,
  },
} as const;

/** What the server asks of an agent. */
export const agentMethods = {
  /** Sent after the connection opens, and whenever it changes. */
  'state.set': { parameters: DesiredState, result: Nothing },
  /** Whether the pod or ServiceAccount of a token still exists (TokenReview). */
  'token.review': {
    parameters: Type.Object({ token: Type.String({ maxLength: 8_192 }), audience: Type.String() }),
    result: Type.Object({ authenticated: Type.Boolean(), reason: Type.Optional(Sentence) }),
  },
  /** Answered once the check `test-pull` waits for the new pull. */
  'pull.test': { parameters: Nothing, result: Nothing },
  'credentials.rotate': {
    parameters: Type.Object({ namespace: Type.Optional(KubernetesName) }),
    result: Nothing,
  },
  /**
   * Take everything away, then say `cluster.removed`. With `leaveProvider` no node is waited for:
   * the credential provider that a kubelet names stays there, and answers nothing.
   */
  'cluster.remove': {
    parameters: Type.Object({ leaveProvider: Type.Optional(Type.Boolean()) }),
    result: Nothing,
  },
} as const;

type Methods = Readonly<Record<string, { readonly parameters: object; readonly result: object }>>;

/** The functions that answer `methods`, or call them. */
export type Calls<Of extends Methods> = {
  readonly [Name in keyof Of]: (
    parameters: Static<Of[Name]['parameters']>,
  ) => Promise<Static<Of[Name]['result']>>;
};
export type ServerCalls = Calls<typeof serverMethods>;
export type AgentCalls = Calls<typeof agentMethods>;
