/** Who makes a request. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly id: number; readonly name: string }
  | { readonly kind: 'robot'; readonly id: number; readonly name: string }
  | {
      readonly kind: 'workload';
      readonly cluster: string;
      readonly namespace: string;
      readonly serviceAccount: string;
    };

export const anonymous: Principal = { kind: 'anonymous' };

/** How a sentence names a principal: `user alice`, `robot +ci`, `workload prod/web/default`. */
export function describePrincipal(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'an anonymous caller';
    case 'user':
      return `user ${principal.name}`;
    case 'robot':
      return `robot ${principal.name}`;
    case 'workload':
      return `workload ${workloadName(principal)}`;
  }
}

/** `cluster/namespace/serviceaccount`, as members of a project are named. */
export function workloadName(workload: Extract<Principal, { kind: 'workload' }>): string {
  return `${workload.cluster}/${workload.namespace}/${workload.serviceAccount}`;
}
