/** What helps against the usual reasons why a node does not pull, by what its runtime says. */
const cures: readonly (readonly [RegExp, string])[] = [
  [
    /x509: certificate signed by unknown authority|x509: certificate relies on/,
    'The node does not trust the registry yet: `berth cluster nodes CLUSTER` says why.',
  ],
  [
    /x509: certificate (?:is valid for|has expired)|cannot validate certificate for/,
    "Compare the registry's certificate with the name and with the node's clock: `berth cluster nodes CLUSTER` shows the nodes.",
  ],
  [
    /no such host|server misbehaving|Temporary failure in name resolution/,
    "The node does not resolve the registry's name: add it to the DNS of the nodes, or give an address with `berth cluster set CLUSTER --address https://HOST:PORT`.",
  ],
  [
    /connection refused|i\/o timeout|no route to host|connection timed out|deadline exceeded/,
    'The node does not reach the registry: look for a firewall between them, or give an address with `berth cluster set CLUSTER --address https://HOST:PORT`.',
  ],
  [
    /: not found|manifest unknown/,
    'The image is not in the registry any more: `berth cluster agent-image` puts it there again.',
  ],
  [
    /no match for platform/,
    'The image has no variant for this kind of node: `berth cluster agent-image` says which it has.',
  ],
  [
    /401 Unauthorized|authorization failed|pull access denied/,
    'The repository berth/agent must be public: `berth project show berth` says whether it is.',
  ],
  [/429 Too Many Requests/, 'The registry is busy: try again with `berth cluster test CLUSTER`.'],
];

export function cureOfPull(message: string, cluster: string): string {
  const [, cure = 'See `kubectl describe pod` and try again with `berth cluster test CLUSTER`.'] =
    cures.find(([pattern]) => pattern.test(message)) ?? [];
  return cure.replaceAll('CLUSTER', cluster);
}
