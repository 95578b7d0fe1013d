import { type KubernetesApi, mayI, myRules, type ResourceRule } from '#kubernetes/api/index.ts';
import { type AccessRule, type Feature, wantedRules } from '#kubernetes/manifests/access.ts';
import { berthNamespace } from '#kubernetes/manifests/names.ts';

/** A rule, and those of its verbs that the agent was not granted. */
export interface MissingAccess {
  readonly rule: AccessRule;
  readonly verbs: readonly string[];
}

interface Need {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
}

/** Any namespace but ours: what holds there holds in all, as far as Berth is concerned. */
const anyNamespace = 'default';

/** What the agent needs with these features and may not do. */
export async function missingAccess(
  api: KubernetesApi,
  registry: string,
  features: ReadonlySet<Feature>,
  signal: AbortSignal,
): Promise<MissingAccess[]> {
  const [ours, everywhere] = await Promise.all(
    [berthNamespace, anyNamespace].map((namespace) => myRules(api, namespace, { signal })),
  );
  const missing: MissingAccess[] = [];
  for (const rule of wantedRules(registry, features)) {
    if (rule.holder !== undefined) continue;
    const namespace = rule.scope === 'namespace' ? berthNamespace : anyNamespace;
    const granted = (rule.scope === 'namespace' ? ours : everywhere) ?? [];
    const verbs = new Set<string>();
    for (const need of needsOf(rule)) {
      if (verbs.has(need.verb) || granted.some((given) => covers(given, need))) continue;
      // What an authorizer other than RBAC allows is in no list.
      if (!(await isAllowed(api, need, namespace, signal))) verbs.add(need.verb);
    }
    for (const path of rule.nonResourceUrls ?? []) {
      const question = { nonResourceAttributes: { path, verb: 'get' } };
      if (!(await mayI(api, question, { signal }))) verbs.add('get');
    }
    if (verbs.size > 0) missing.push({ rule, verbs: [...verbs] });
  }
  return missing;
}

function* needsOf(rule: AccessRule): Generator<Need> {
  const { apiGroup: group = '', resources = [], resourceNames = [undefined], verbs } = rule;
  for (const verb of verbs) {
    for (const resource of resources) {
      for (const name of resourceNames) yield { verb, group, resource, name };
    }
  }
}

/** As RBAC does it. */
function covers(given: ResourceRule, { verb, group, resource, name }: Need): boolean {
  const { verbs, apiGroups = [], resources = [], resourceNames = [] } = given;
  const has = (list: readonly string[], value: string) =>
    list.includes('*') || list.includes(value);
  const [, subresource] = resource.split('/');
  return (
    has(verbs, verb) &&
    has(apiGroups, group) &&
    (has(resources, resource) || resources.includes(`*/${subresource}`)) &&
    (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)))
  );
}

function isAllowed(
  api: KubernetesApi,
  { verb, group, resource: both, name }: Need,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [resource = '', subresource] = both.split('/');
  const resourceAttributes = {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(name !== undefined && { name }),
    namespace,
  };
  return mayI(api, { resourceAttributes }, { signal });
}
