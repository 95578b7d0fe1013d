/**
 * What lets every kubelet ask for ServiceAccount tokens that only one registry takes; without it
 * kubelets log that they may not, and pull without credentials.
 * @param registry as image names begin: `host[:port]`, which is the tokens' audience
 */
export function audienceRules(registry: string) {
  return [
    {
      apiGroups: [''],
      resources: [registry],
      verbs: ['request-serviceaccounts-token-audience'],
    },
  ];
}

/** Who may do so. */
export const audienceSubjects = [
  { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:nodes' },
];
