import type { DesiredState } from '#contract/agent.ts';
import type { Node } from '#kubernetes/api/index.ts';
import { berthNamespace } from '#kubernetes/manifests/names.ts';
import { type NodeImage, planNodeImages } from '#kubernetes/manifests/node-images.ts';
import { distributionOf } from '#kubernetes/node/distribution.ts';
import { nodeFiles, nodeFilesRevision } from '#kubernetes/node/files.ts';
import { k3sProviderConfig } from '#kubernetes/node/k3s-arguments.ts';
import { lastNodeStatus, type NodeStatus } from '#kubernetes/node/status.ts';
import {
  explainInert,
  type NodeExpectation,
  nodeCredentialProvider,
  nodeTrust,
} from '#kubernetes/node/verdict.ts';
import type { AgentContext, AgentPart, RemovalOrder } from '../part.ts';
import { type NodePod, noPod, type Obstacle, obstacleOf, watchNodePods } from './node-pods.ts';
import { hurryPod, putDaemonSets, putNodeFiles } from './objects.ts';
import { createProviderConfigs } from './provider-configs.ts';
import { removeFromNodes } from './removal.ts';
import { createReplanning } from './replanning.ts';
import { createStatusReader } from './status-reader.ts';
import { withdrawProviders } from './withdrawal.ts';

const quietMilliseconds = 30_000;
const troubledMilliseconds = 10_000;
/** However many nodes there are, their logs are asked for at most five times a second. */
const shareMilliseconds = 200;
const firstMilliseconds = 300;
const longestMilliseconds = 10_000;
/** A kubelet that was hurried may have looked before it knew the new files. */
const tryAgainEvery = 5;
/** Before that, a node's pod may just be on its way. */
const podGraceMilliseconds = 20_000;

/** What is wanted of every node. */
interface Wanted {
  readonly cluster: string;
  readonly registry: string;
  readonly files: Readonly<Record<string, string>>;
  readonly revision: string;
}

interface KnownNode {
  readonly status: NodeStatus | undefined;
  /** How often it was asked for the files that are wanted now. */
  readonly asked: number;
  readonly since: number;
}

/**
 * Has every node lay down what makes its runtime trust the registry, by the pods of DaemonSets, and
 * reports what each says of it.
 */
export function createNodeTrust(context: AgentContext): AgentPart {
  const { api, nodes, reports, log, signal } = context;
  const pods = watchNodePods(context);
  const podOf = new Map<string, NodePod>();
  const known = new Map<string, KnownNode>();
  const providerConfigs = createProviderConfigs();
  let desired: DesiredState | undefined;
  let wanted: Wanted | undefined;
  let images: readonly NodeImage[] = [];
  let without: ReadonlySet<string> = new Set();
  let passedOver: string | undefined;
  let stage: 'laying' | 'withdrawing' | 'removing' = 'laying';

  const reader = createStatusReader({
    read: readStatus,
    report: (error) => log.failure('Reading what nodes say', error),
    signal,
  });
  const replanning = createReplanning({
    plan,
    report: (error) => log.failure('Choosing what the pods on nodes run', error),
    signal,
  });

  pods.subscribe(({ kind, item }) => {
    if (item.node === '') return;
    const present = podOf.get(item.node);
    if (kind === 'deleted' || item.terminating) {
      if (present?.uid !== item.uid) return;
      podOf.delete(item.node);
    } else {
      podOf.set(item.node, item);
      if (present?.uid !== item.uid || present.runningSince !== item.runningSince) {
        ask(item.node);
      }
      if (obstacle(item)?.ofImage) replanning.soon();
    }
    reportNode(item.node);
  });
  nodes.subscribe(({ kind, item }) => {
    const { name } = item.metadata;
    if (kind === 'deleted') {
      known.delete(name);
      reader.forget(name);
      return;
    }
    if (!known.has(name)) {
      known.set(name, { status: undefined, asked: 0, since: Date.now() });
      ask(name);
    }
    reportNode(name);
  });

  function ask(node: string): void {
    const before = known.get(node);
    if (before === undefined) return;
    known.set(node, { ...before, asked: 0 });
    reader.hurry(node);
  }

  function obstacle(pod: NodePod): Obstacle | undefined {
    const image = images.find(({ hosts }) => hosts?.includes(pod.node)) ?? images[0];
    return obstacleOf(pod, image?.image ?? '', desired?.cluster ?? '');
  }

  async function readStatus(name: string): Promise<number> {
    const before = known.get(name);
    if (before === undefined || wanted === undefined) return 0;
    const pod = podOf.get(name);
    if (pod?.runningSince === undefined) {
      reportNode(name);
      const missing = pod === undefined && Date.now() - before.since > podGraceMilliseconds;
      if (missing) replanning.soon();
      return pause(troubledMilliseconds);
    }
    const { revision, files } = wanted;
    const place = { name: pod.name, namespace: berthNamespace };
    const log = await api.podLog(place, { tailLines: 5, signal });
    const status = lastNodeStatus(log) ?? before.status;
    const arrived = status?.revision === revision;
    if (!arrived && before.asked % tryAgainEvery === 0) {
      // Whoever applies again what was applied at first puts the files back to what they were then.
      if (before.asked > 0) await putNodeFiles(api, files, signal);
      const attempt = before.asked === 0 ? '' : `.${before.asked}`;
      await hurryPod(api, pod.name, `${revision}${attempt}`, signal);
    }
    known.set(name, { ...before, status, asked: arrived ? 0 : before.asked + 1 });
    if (status !== undefined) learnFrom(status);
    reportNode(name);
    if (!arrived) return Math.min(firstMilliseconds * 1.5 ** before.asked, longestMilliseconds);
    const troubled = status.problems.length + status.provider_problems.length > 0;
    const waits =
      status.provider_state === 'inert' ||
      (desired?.nodes.credentialProvider === 'configure' && status.provider_state !== 'active');
    return pause(troubled || waits ? troubledMilliseconds : quietMilliseconds);
  }

  function pause(least: number): number {
    return Math.max(least, known.size * shareMilliseconds);
  }

  /** A configuration of others that our entry is to join is rendered here, where YAML is read. */
  function learnFrom(status: NodeStatus): void {
    if (desired === undefined || stage !== 'laying') return;
    if (!providerConfigs.learn(status, desired.registry.name)) return;
    bringAbout(desired).catch((error: unknown) =>
      log.failure('Changing the files of nodes', error),
    );
  }

  function expectation(
    node: Node,
    of: Pick<Wanted, 'cluster' | 'registry' | 'revision'>,
    status?: NodeStatus,
  ): NodeExpectation {
    return {
      node: node.metadata.name,
      cluster: of.cluster,
      registry: of.registry,
      revision: of.revision,
      runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? '',
      distribution: distributionOf(node, status),
      providerConfig: k3sProviderConfig(node),
    };
  }

  function reportNode(name: string): void {
    const node = nodes.get(name);
    const before = known.get(name);
    if (
      node === undefined ||
      before === undefined ||
      wanted === undefined ||
      stage === 'removing'
    ) {
      return;
    }
    const { status } = before;
    const expected = expectation(node, wanted, status);
    const pod = podOf.get(name);
    const waited = Date.now() - before.since > podGraceMilliseconds;
    const missing =
      pod === undefined && (waited || without.has(name))
        ? noPod(name, wanted.cluster, { hasImage: !without.has(name), passedOver })
        : undefined;
    reports.setNode(name, {
      distribution: expected.distribution,
      trust: nodeTrust(expected, status, pod === undefined ? missing : obstacle(pod)?.problem),
      credentialProvider: nodeCredentialProvider(
        expected,
        status,
        providerConfigs.failure(status?.provider_sum),
      ),
    });
  }

  async function plan(): Promise<void> {
    if (desired === undefined || stage === 'removing') return;
    await nodes.filled;
    const chosen = planNodeImages([...nodes.values()], desired.nodes.image);
    without = new Set(chosen.without);
    passedOver = chosen.passedOver;
    // Without a node there is nothing to choose from, and what is there may yet serve.
    if (chosen.images.length === 0) return;
    images = chosen.images;
    await putDaemonSets(api, images, signal);
  }

  async function bringAbout(state: DesiredState): Promise<void> {
    const files = nodeFiles({
      registry: state.registry.name,
      authorities: state.registry.authorities,
      addresses: state.registry.addresses,
      setConfigPath: state.nodes.setConfigPath,
      credentialProvider: state.nodes.credentialProvider,
      providerConfigs: providerConfigs.all,
    });
    await want(state.cluster, state.registry.name, files);
  }

  async function want(
    cluster: string,
    registry: string,
    files: Readonly<Record<string, string>>,
  ): Promise<void> {
    await putNodeFiles(api, files, signal);
    const revision = nodeFilesRevision(files) ?? '';
    const isNew = wanted?.revision !== revision;
    wanted = { cluster, registry, files, revision };
    if (isNew) for (const name of known.keys()) ask(name);
  }

  function isDone(name: string): NodeStatus | undefined {
    const status = known.get(name)?.status;
    return status?.revision === wanted?.revision ? status : undefined;
  }

  /** Nodes go on trusting the registry meanwhile: the agent's own pod may have to move. */
  async function withdraw(state: DesiredState, order: RemovalOrder): Promise<void> {
    stage = 'withdrawing';
    const left = { ...state, nodes: { ...state.nodes, credentialProvider: 'off' as const } };
    desired = left;
    const subject = { cluster: left.cluster, registry: left.registry.name, revision: '' };
    await withdrawProviders({
      nodes,
      pods,
      order,
      signal,
      announce: () => bringAbout(left),
      isDone,
      problem: (node, status) => explainInert(expectation(node, subject, status), status),
    });
  }

  return {
    name: 'node trust',
    async stateChanged(state) {
      if (stage !== 'laying') return;
      desired = state;
      await bringAbout(state);
      await plan();
      for (const name of known.keys()) reportNode(name);
    },
    async remove(order) {
      if (desired !== undefined && stage !== 'removing') await withdraw(desired, order);
      stage = 'removing';
      const registry = desired?.registry.name ?? context.registry;
      const cluster = desired?.cluster ?? '';
      const files = nodeFiles({
        registry,
        // For the agent itself, which has to say so in the end.
        authorities: desired?.registry.authorities,
        addresses: [],
        setConfigPath: false,
        credentialProvider: 'off',
        remove: true,
      });
      return removeFromNodes({
        api,
        signal,
        nodes,
        pods,
        announce: () => want(cluster, registry, files),
        isDone,
        subject: (node) => expectation(node, { cluster, registry, revision: '' }),
      });
    },
  };
}
