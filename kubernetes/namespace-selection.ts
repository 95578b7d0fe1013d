import type { NamespaceSelector } from '#contract/agent.ts';

export interface SelectableNamespace {
  readonly name: string;
  /** undefined: not known yet; no selector by labels covers it. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** Those of Kubernetes itself and of the agent: only a selector that names one covers it. */
export const reservedNamespaces: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'berth',
];

/** Whether a selector covers a namespace. Labels must all be there; none at all select nothing. */
export function selects(selector: NamespaceSelector, namespace: SelectableNamespace): boolean {
  if (selector.kind === 'name') return selector.name === namespace.name;
  if (reservedNamespaces.includes(namespace.name)) return false;
  if (selector.kind === 'all') return true;
  const { labels } = namespace;
  const wanted = Object.entries(selector.labels);
  return (
    labels !== undefined &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
  );
}
