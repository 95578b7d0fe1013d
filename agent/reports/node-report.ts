import type { NodeReport } from '#contract/agent.ts';
import type { Node } from '#kubernetes/api/index.ts';
import type { NodeFacts } from '../part.ts';

/** A node as it is before its part has seen it. */
const unseen: NodeFacts = {
  distribution: 'unknown',
  trust: { state: 'pending' },
  credentialProvider: { state: 'off' },
};

/** What the server is told of a node, cut to what a message may hold. */
export function nodeReport({ metadata, status }: Node, facts: NodeFacts = unseen): NodeReport {
  const { nodeInfo, addresses = [] } = status ?? {};
  return {
    name: metadata.name,
    addresses: addresses.slice(0, 20).map(({ address }) => address.slice(0, 253)),
    architecture: (nodeInfo?.architecture ?? '').slice(0, 32),
    operatingSystem: (nodeInfo?.osImage ?? '').slice(0, 256),
    kubeletVersion: (nodeInfo?.kubeletVersion ?? '').slice(0, 64),
    runtime: (nodeInfo?.containerRuntimeVersion ?? '').slice(0, 128),
    ...facts,
  };
}
