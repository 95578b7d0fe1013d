import { type Static, Type } from 'typebox';
import {
  AwaitedNode,
  CredentialProviderMode,
  NamespaceCredentials,
  NamespaceSelector,
  NodeReport,
  Problem,
} from './agent.ts';
import { RowId } from './ids.ts';
import { maximumNameLength } from './names.ts';
import { ListQuery } from './paging.ts';

/** How Berth behaves in a cluster. What is absent keeps its value, or its default. */
export const ClusterSettings = Type.Object({
  addresses: Type.Optional(
    Type.Array(Type.String({ maxLength: 300 }), {
      maxItems: 20,
      description:
        'https://HOST[:PORT] where nodes and the agent reach the registry instead of by its name',
    }),
  ),
  node_image: Type.Optional(
    Type.String({ maxLength: 512, description: 'Of the DaemonSet; "" lets Berth choose' }),
  ),
  set_config_path: Type.Optional(
    Type.Boolean({ description: "Set containerd's config_path where it is missing" }),
  ),
  credential_provider: Type.Optional(CredentialProviderMode),
  pull_secrets: Type.Optional(
    Type.Boolean({ description: 'Place pull secrets in namespaces that something is granted to' }),
  ),
  webhook: Type.Optional(Type.Boolean()),
  review_tokens: Type.Optional(
    Type.Boolean({ description: 'Ask the cluster whether the pod of a token still exists' }),
  ),
});
export type ClusterSettings = Static<typeof ClusterSettings>;

const ClusterName = Type.String({ maxLength: 63 });
export const ClusterParameters = Type.Object({ cluster: ClusterName });

export const ConnectionRequest = Type.Object({
  name: ClusterName,
  settings: Type.Optional(ClusterSettings),
});
export type ConnectionRequest = Static<typeof ConnectionRequest>;

/** The one answer that holds the token. */
export const ConnectionOffer = Type.Object({
  name: ClusterName,
  token: Type.String({ description: 'Shown this once; works once' }),
  expires_at: Type.String({ description: 'RFC 3339' }),
  /** What the agent may do in the cluster, a line each, as `kubectl auth can-i --list` reads. */
  permissions: Type.Array(Type.Object({ scope: Type.String(), rule: Type.String() })),
  commands: Type.Object({
    kubectl: Type.String(),
    helm: Type.String(),
    gitops: Type.String(),
    air_gapped: Type.String(),
  }),
  /** What will not work although it can be tried; sentences. */
  warnings: Type.Array(Type.String()),
});
export type ConnectionOffer = Static<typeof ConnectionOffer>;

export const ClusterCheck = Type.Object({
  name: Type.Union([
    Type.Literal('token'),
    Type.Literal('tls'),
    Type.Literal('identity'),
    Type.Literal('rbac'),
    Type.Literal('inventory'),
    Type.Literal('test-pull'),
    Type.Literal('webhook'),
    Type.Literal('version'),
  ]),
  state: Type.Union([Type.Literal('waiting'), Type.Literal('passed'), Type.Literal('failed')]),
  detail: Type.Optional(Type.String()),
  /** Of a check that has passed: nothing fails by it, and something is to be done all the same. */
  problem: Type.Optional(Problem),
});
export type ClusterCheck = Static<typeof ClusterCheck>;

/** How far a disconnection is. While it is not done, asking again waits for it further. */
export const Disconnection = Type.Object({
  done: Type.Boolean(),
  left: Type.Array(Type.String(), {
    description: 'What could not be removed from the cluster, and what to do about it',
  }),
  waits_for: Type.Array(AwaitedNode, {
    description:
      'Nodes whose kubelets name the credential provider: all but what stands on nodes is removed, and the rest goes by itself when none of them does',
  }),
});
export type Disconnection = Static<typeof Disconnection>;

export const Cluster = Type.Object({
  name: ClusterName,
  state: Type.Union([
    Type.Literal('waiting', { description: 'for its agent to connect for the first time' }),
    Type.Literal('connected'),
    Type.Literal('away', { description: 'its agent is not connected now' }),
    Type.Literal('disconnecting'),
  ]),
  uid: Type.Optional(Type.String()),
  kubernetes_version: Type.Optional(Type.String()),
  nodes: Type.Integer(),
  trusted_nodes: Type.Integer(),
  namespaces: Type.Integer(),
  creation_time: Type.String(),
  last_seen: Type.Optional(Type.String()),
  settings: ClusterSettings,
  checks: Type.Array(ClusterCheck),
  /** While it is being disconnected. */
  disconnection: Type.Optional(Disconnection),
});
export type Cluster = Static<typeof Cluster>;

export const ClusterNode = Type.Intersect([
  NodeReport,
  Type.Object({ update_time: Type.String() }),
]);
export type ClusterNode = Static<typeof ClusterNode>;

export const ClusterNamespace = Type.Object({
  name: Type.String(),
  labels: Type.Record(Type.String(), Type.String()),
  credentials: Type.Optional(NamespaceCredentials),
  /** Projects that it may pull from, whatever grants it. */
  projects: Type.Array(Type.String()),
});
export type ClusterNamespace = Static<typeof ClusterNamespace>;

/** Namespaces of a cluster, by name, label or all, that may do in a project what a role holds. */
export const ClusterGrant = Type.Object({
  id: Type.Integer(),
  project: Type.String(),
  selector: NamespaceSelector,
  role_id: Type.Integer(),
  creation_time: Type.String(),
});
export type ClusterGrant = Static<typeof ClusterGrant>;

export const ClusterGrantCreation = Type.Object({
  project: Type.String({ maxLength: maximumNameLength }),
  selector: NamespaceSelector,
});
export type ClusterGrantCreation = Static<typeof ClusterGrantCreation>;

export const ClusterGrantParameters = Type.Intersect([
  ClusterParameters,
  Type.Object({ grant: RowId }),
]);

export const ClusterListQuery = ListQuery;

export const DisconnectQuery = Type.Object({
  force: Type.Optional(
    Type.Boolean({ description: 'Forget the cluster although its agent cannot clean up' }),
  ),
  leave_provider: Type.Optional(
    Type.Boolean({
      description:
        'Wait for no node: a credential provider that a kubelet names stays there, and answers nothing',
    }),
  ),
});

export const CredentialRotation = Type.Object({
  namespace: Type.Optional(Type.String({ maxLength: 253 })),
});
