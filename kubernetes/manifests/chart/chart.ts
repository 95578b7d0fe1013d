import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type TarEntry, writeTar } from '#oci/tar.ts';
import { type Condition, type ConnectPart, connectParts } from '../connect.ts';
import { agentName } from '../names.ts';
import { nodeDaemonSet } from '../node-daemon-sets.ts';
import { type Shell, shells } from '../node-images.ts';
import { documentYaml } from '../yaml.ts';
import { helpers } from './helpers.ts';
import { filledIn, onlyIf, templateOf } from './template.ts';

/** Of `REGISTRY/berth/charts/berth-agent`. */
export const chartName = agentName;

/**
 * The files of the chart by their path in it: the objects of `connectParts`, with Helm's values.
 * @param architectures that the agent's image is made for
 */
export function agentChartFiles(
  version: string,
  architectures: readonly string[],
): Readonly<Record<string, string>> {
  return {
    'Chart.yaml': documentYaml({
      apiVersion: 'v2',
      name: chartName,
      description: 'Connects a cluster to Berth: nodes trust the registry, and pods pull from it.',
      type: 'application',
      version,
      appVersion: version,
      kubeVersion: '>=1.24.0-0',
    }),
    'values.yaml': defaultValues,
    'templates/_helpers.tpl': helpers,
    'templates/objects.yaml': partsFor(architectures).map(partTemplate).join(''),
    'templates/nodes.yaml': daemonSets,
  };
}

/** The chart as `helm package` makes it: the same bytes for the same version. */
export async function agentChart(
  version: string,
  architectures: readonly string[],
): Promise<Uint8Array> {
  const entries = Object.entries(agentChartFiles(version, architectures)).map(
    ([path, text]): TarEntry => ({
      type: 'file',
      path: `${chartName}/${path}`,
      content: Buffer.from(text),
    }),
  );
  return promisify(gzip)(await buffer(writeTar(entries)));
}

const conditions: Readonly<Record<Condition, string>> = {
  token: '.Values.token',
  'admission-policies':
    '.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"',
  'pull-secrets': '.Values.settings.pullSecrets',
  webhook: '.Values.settings.webhook',
  'token-review': '.Values.settings.reviewTokens',
  'credential-provider': '.Values.settings.credentialProvider',
};

const partsFor = (architectures: readonly string[]): readonly ConnectPart[] =>
  connectParts({
    cluster: filledIn('required "cluster: the name of this cluster" .Values.cluster | quote'),
    registry: {
      name: filledIn('required "server: host[:port] of the registry" .Values.server | quote'),
      addresses: [filledIn('join "," .Values.addresses | quote')],
    },
    agentImage: filledIn('include "berth-agent.image" . | quote'),
    agentArchitectures: architectures,
    token: filledIn('.Values.token | quote'),
    features: new Set(),
    nodeFiles: {},
    nodeImages: [],
  });

function partTemplate({ object, when }: ConnectPart): string {
  const template = templateOf(
    object.kind === 'ConfigMap'
      ? { ...object, data: filledIn('include "berth-node.files" .') }
      : object,
  );
  return when === undefined ? template : onlyIf(conditions[when], template);
}

const daemonSets = [
  '{{- $images := (include "berth-agent.nodeImages" . | fromJson).images -}}',
  '{{- range $index, $choice := $images }}',
  ...shells.flatMap((shell) => [
    `{{- if eq $choice.shell "${shell}" }}`,
    templateOf(daemonSet(shell)).trimEnd(),
    '{{- end }}',
  ]),
  '{{- end }}',
  '',
].join('\n');

function daemonSet(shell: Shell) {
  return nodeDaemonSet({
    name: filledIn('include "berth-agent.daemonSetName" $index'),
    image: filledIn('$choice.image | quote'),
    shell,
    placement: filledIn(
      'include "berth-agent.placement" (dict "images" $images "hosts" $choice.hosts)',
    ),
  });
}

const defaultValues = `# The name that this cluster has in Berth.
cluster: ""

# The registry as image names begin: host[:port].
server: ""

# What \`berth cluster connect\` gave, good once and for 15 minutes. Empty: the Secret berth-connect
# is made by hand: kubectl create secret generic berth-connect --namespace berth --from-literal token=TOKEN
token: ""

# https://host[:port] where nodes and the agent reach the registry instead of by its name.
addresses: []

# host[:port]/berth/agent:VERSION; the one of the registry unless set.
agentImage: ""

# An image with a shell for the pods on nodes. Empty: the image of sandboxes that nodes have, with
# their own shell, which the chart looks up in the cluster. Set it where nothing can be looked up.
nodeImage: ""
# Which image which nodes have, as \`berth cluster connect --form helm\` finds out.
nodeImages: []

# What is laid down on nodes, as \`berth cluster connect --form helm\` gives it.
nodeFiles: {}

# What the agent is granted rights for.
settings:
  pullSecrets: true
  webhook: false
  reviewTokens: false
  credentialProvider: true
`;
