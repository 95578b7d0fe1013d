import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maximumAgentMessage, mostNamespaceLabels } from '#contract/agent.ts';
import { waitFor } from '#test/processes.ts';
import { createDeltaReport, type Delta } from './delta-report.ts';

const sentence = 'x'.repeat(2_048);

/** The most that Kubernetes takes and that the agent tells of one thing. */
const largest: Readonly<Record<string, (name: string) => object>> = {
  namespaces: (name) => ({
    name: name.padEnd(63, 'x'),
    uid: 'x'.repeat(64),
    labels: Object.fromEntries(
      Array.from({ length: mostNamespaceLabels }, (_, index) => [
        String(index).padEnd(317, 'x'),
        'x'.repeat(63),
      ]),
    ),
    credentials: { state: 'problem', problem: { message: sentence, cure: sentence } },
  }),
  nodes: (name) => ({
    name: name.padEnd(253, 'x'),
    addresses: Array.from({ length: 20 }, () => 'x'.repeat(253)),
    runtime: 'x'.repeat(128),
    trust: {
      state: 'problem',
      configPath: 'x'.repeat(1_024),
      problem: { message: sentence, cure: sentence },
    },
    credentialProvider: { state: 'problem', problem: { message: sentence, cure: sentence } },
  }),
};

for (const [what, make] of Object.entries(largest)) {
  test(`the largest ${what} that there can be fit into messages, however many there are`, async () => {
    const ending = new AbortController();
    const sent: Delta<object>[] = [];
    const names = Array.from({ length: 250 }, (_, index) => `n${index}`);
    const report = createDeltaReport<object>({
      names: () => names,
      read: make,
      send: async (delta) => sent.push(delta),
      complete: () => {},
      report: () => {},
      signal: ending.signal,
    });
    report.connected();
    await waitFor(() => Promise.resolve(sent.flatMap(({ changed }) => changed).length), {
      what: 'everything to be told',
      until: (count) => count === names.length,
    });
    ending.abort();
    for (const delta of sent) {
      const message = JSON.stringify({ id: 1, method: `${what}.report`, parameters: delta });
      assert.ok(Buffer.byteLength(message) < maximumAgentMessage, String(message.length));
    }
  });
}
