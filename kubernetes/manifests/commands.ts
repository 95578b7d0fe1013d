import { agentManifestPath } from '#contract/agent.ts';
import type { ConnectionOffer } from '#contract/clusters.ts';
import { agentName, berthNamespace } from './names.ts';

/**
 * `kubectl` is everything: `gitops` what of it the agent never changes, `handover` the rest, the
 * token among it. `air-gapped` names the agent's image as an import does, and `helm` are values of
 * the chart `berth-agent`.
 */
export const manifestForms = ['kubectl', 'gitops', 'handover', 'air-gapped', 'helm'] as const;
export type ManifestForm = (typeof manifestForms)[number];

const chartRepository = 'berth/charts';

const agentSelector = `app.kubernetes.io/name=${agentName}`;

export interface CommandOptions {
  readonly cluster: string;
  /** Where the operator's machine reaches the registry: `host[:port]`. */
  readonly registry: string;
  /** `sha256//…`, of the key that the server proves itself with. */
  readonly pin: string;
  /** Whether `/ca.crt` is there for Helm, which trusts no pin. */
  readonly ownAuthority: boolean;
  readonly token: string;
  /** Of the chart. */
  readonly version: string;
}

/**
 * Command lines to paste, for any POSIX shell and zsh: what a shell could read otherwise is quoted.
 * The pin stands in for trust, so that the operator's machine need not trust the server yet; `-k`
 * takes away the check of the chain alone.
 */
export function connectCommands(options: CommandOptions): ConnectionOffer['commands'] {
  const { cluster, registry, pin, ownAuthority, token, version } = options;
  const namespace = `--namespace ${berthNamespace}`;
  const nodes = 'kubectl get nodes -o json';
  const curl = `curl -fsSk --pinnedpubkey '${pin}'`;
  // A refusal too goes into kubectl, which repeats its sentence.
  const curlOf = (form: ManifestForm) =>
    form === 'kubectl' || form === 'handover' ? curl.replace('-fsSk', '-sSk') : curl;
  const fetch = (form: ManifestForm) =>
    [
      `${nodes} | ${curlOf(form)} -H 'Authorization: Bearer ${token}'`,
      `-H 'Content-Type: application/json' --data-binary @-`,
      `'https://${registry}${agentManifestPath}${form === 'kubectl' ? '' : `?form=${form}`}'`,
    ].join(' ');
  const authority = `${agentName}-ca.crt`;
  const trusting = ownAuthority ? ` --ca-file ${authority}` : '';
  const helm = [
    `helm upgrade --install ${agentName} oci://${registry}/${chartRepository}/${agentName}`,
    `--version ${version}${trusting} ${namespace} --take-ownership --values -`,
  ].join(' ');
  return {
    kubectl: `${fetch('kubectl')} | kubectl apply -f -`,
    helm: [
      // Helm 3 cannot adopt a namespace that it creates in the same moment.
      `kubectl create namespace ${berthNamespace} --dry-run=client -o yaml | kubectl apply -f -`,
      ...(ownAuthority ? [`${curl} -o ${authority} https://${registry}/ca.crt`] : []),
      `${fetch('helm')} | ${helm}`,
    ].join(' && '),
    gitops: [
      `${fetch('gitops')} > ${agentName}.yaml`,
      // Its pods could not pull before nodes trust the registry, and would wait for minutes by now.
      `${fetch('handover')} | kubectl apply -f - && kubectl delete pods ${namespace} --selector ${agentSelector} --now`,
    ].join('\n'),
    air_gapped: [
      `${nodes} > nodes.json`,
      `berth cluster connect ${cluster} --form air-gapped --nodes nodes.json --output ${agentName}.yaml`,
      `berth cluster agent-image --output ${agentName}.tar`,
      `ctr --namespace k8s.io images import ${agentName}.tar`,
      `kubectl apply -f ${agentName}.yaml`,
    ].join('\n'),
  };
}
