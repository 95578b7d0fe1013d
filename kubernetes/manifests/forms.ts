import type { ClusterSettings } from '#contract/clusters.ts';
import { agentRepository } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { nodeFiles } from '../node/files.ts';
import type { ManifestForm } from './commands.ts';
import {
  type ConnectOptions,
  type ConnectSelection,
  connectManifests,
  featuresOf,
} from './connect.ts';
import { type NodeImagePlan, planNodeImages } from './node-images.ts';
import { documentYaml, manifestYaml } from './yaml.ts';

export interface ManifestOptions {
  readonly cluster: string;
  /** `host[:port]`, as image names begin. */
  readonly registry: string;
  /** PEM; absent where every machine trusts the registry anyway. */
  readonly authorities?: string | undefined;
  readonly settings: Required<ClusterSettings>;
  /** The agent's image in this registry. */
  readonly agent: {
    readonly tag: string;
    readonly digest: string;
    /** As Kubernetes names them. */
    readonly architectures: readonly string[];
  };
  readonly token: string;
  /** What `kubectl get nodes --output json` printed; undefined where nobody could say. */
  readonly nodes: unknown;
}

/**
 * What `kubectl apply -f -` or `helm … --values -` reads.
 * @throws {Refusal} `invalid` where no image is known that the nodes could run
 */
export function manifestText(form: ManifestForm, options: ManifestOptions): string {
  const objects = connectOptions(form, options);
  if (form === 'helm') return documentYaml(chartValues(objects));
  return manifestYaml(connectManifests(objects, selections[form]));
}

const selections: Readonly<Record<Exclude<ManifestForm, 'helm'>, ConnectSelection>> = {
  kubectl: 'all',
  'air-gapped': 'all',
  gitops: 'lasting',
  handover: 'handed-over',
};

function imagesFor({ nodes, settings }: ManifestOptions): NodeImagePlan {
  const plan = planNodeImages(nodes, settings.node_image || undefined);
  if (plan.images.length > 0) return plan;
  if (plan.passedOver !== undefined) {
    throw new Refusal(
      'invalid',
      `The nodes run their sandboxes by ${plan.passedOver}, a name under which anybody may have brought an image to them, and the pods of Berth there are root. If it is yours, say so: berth cluster connect NAME --node-image ${plan.passedOver}.`,
    );
  }
  const without = plan.without.slice(0, 5);
  const reason =
    without.length > 0
      ? `The nodes ${without.join(', ')} have neither a shell of their own nor an image that holds one.`
      : 'The list of nodes is empty or no list of nodes: send what kubectl get nodes --output json prints.';
  throw new Refusal(
    'invalid',
    `${reason} Or name an image with a shell that they can pull: berth cluster connect NAME --node-image IMAGE.`,
  );
}

/** @throws {Refusal} `precondition` */
function requireNodesFor(agent: ManifestOptions['agent'], nodes: readonly string[]): void {
  if (nodes.length === 0 || nodes.some((one) => agent.architectures.includes(one))) return;
  throw new Refusal(
    'precondition',
    `The agent's image is made for ${agent.architectures.join(' and ')}, and the nodes are ${nodes.join(' and ')}: run Berth from a package that was made for both platforms with npm run package.`,
  );
}

function connectOptions(form: ManifestForm, options: ManifestOptions): ConnectOptions {
  const { cluster, registry, authorities, settings, agent, token } = options;
  const plan = imagesFor(options);
  requireNodesFor(agent, plan.architectures);
  const tagged = `${registry}/${agentRepository}:${agent.tag}`;
  return {
    cluster,
    registry: { name: registry, addresses: settings.addresses },
    // By digest too: a node that has another image of this tag takes the one that is meant.
    agentImage: form === 'air-gapped' ? tagged : `${tagged}@${agent.digest}`,
    agentArchitectures: agent.architectures,
    token,
    features: featuresOf(settings),
    nodeFiles: nodeFiles({
      registry,
      authorities,
      addresses: settings.addresses,
      setConfigPath: settings.set_config_path,
      credentialProvider: settings.credential_provider,
    }),
    nodeImages: plan.images,
    kubernetesMinor: plan.oldestKubelet,
  };
}

/** Of the chart `berth-agent`: what its objects are made from. */
function chartValues(options: ConnectOptions): object {
  const { cluster, registry, token, agentImage, nodeFiles: files, nodeImages } = options;
  return {
    cluster,
    server: registry.name,
    token,
    addresses: registry.addresses,
    agentImage,
    nodeImage: '',
    nodeImages,
    nodeFiles: files,
    settings: {
      pullSecrets: options.features.has('pull-secrets'),
      webhook: options.features.has('webhook'),
      reviewTokens: options.features.has('token-review'),
      credentialProvider: options.features.has('credential-provider'),
    },
  };
}
