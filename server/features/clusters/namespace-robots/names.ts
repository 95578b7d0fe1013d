import { isClusterName, isDnsLabel } from '#contract/names.ts';

/** No user's name has a "+", and robots of people begin otherwise. */
export const namespaceRobotPrefix = 'cluster+';

export interface RobotNamespace {
  readonly cluster: string;
  readonly namespace: string;
}

/** As a pull secret has it. */
export function namespaceRobotName({ cluster, namespace }: RobotNamespace): string {
  return `${namespaceRobotPrefix}${cluster}+${namespace}`;
}

/** Undefined for what no robot of a namespace is named. */
export function parseNamespaceRobotName(username: string): RobotNamespace | undefined {
  if (!username.startsWith(namespaceRobotPrefix)) return undefined;
  const [cluster = '', namespace = '', ...rest] = username
    .slice(namespaceRobotPrefix.length)
    .split('+');
  return rest.length === 0 && isClusterName(cluster) && isDnsLabel(namespace)
    ? { cluster, namespace }
    : undefined;
}
