import { type AccessRule, type Feature, wantedRules } from './access.ts';

export interface ListedRule {
  readonly scope: string;
  readonly rule: string;
}

/** The rules for people, a line each, as they are shown before they are granted. */
export function listAccess(registry: string, wanted: ReadonlySet<Feature>): ListedRule[] {
  return wantedRules(registry, wanted).map((rule) => ({
    scope: rule.scope === 'cluster' ? 'whole cluster' : 'namespace berth',
    rule: `${ruleText(rule)}: ${rule.reason}`,
  }));
}

function ruleText({
  verbs,
  resources,
  nonResourceUrls,
  resourceNames,
  holder,
}: AccessRule): string {
  const what = (resources ?? nonResourceUrls ?? []).join(', ');
  const named = resourceNames === undefined ? '' : ` named ${resourceNames.join(', ')}`;
  return `${holder === undefined ? '' : `${holder} `}${verbs.join(', ')} ${what}${named}`;
}
