import assert from 'node:assert/strict';
import { before, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '#test/processes.ts';
import type { Bed } from '../bed.ts';
import type { Figure } from '../figures.ts';
import { haveConnected } from '../preparation.ts';
import { requestsOfBerth } from '../requests.ts';
import { countTraffic } from '../traffic.ts';
import { containersOf, type RunningContainer, usageOf } from '../usage.ts';

const agentUser = 'system:serviceaccount:berth:berth-agent';
const minute = 60_000;

export function restSection(bed: () => Bed): void {
  describe('the cost at rest', () => {
    before(async () => {
      await haveConnected(bed());
    });

    test('each request of a pod of ours to the API server is counted', async () => {
      const { operator, cluster } = bed();
      await operator.fails(
        'kubectl --kubeconfig <(kubectl config view --raw --minify | sed /client-/d) --token "$(kubectl create token berth-node --namespace berth)" get pods --namespace counted',
      );
      await waitFor(() => requestsOfBerth(cluster), {
        what: 'the request to be in the log',
        until: (requests) =>
          requests.some(
            ({ user, objectRef, responseStatus }) =>
              user.username === 'system:serviceaccount:berth:berth-node' &&
              objectRef?.namespace === 'counted' &&
              responseStatus?.code === 403,
          ),
      });
    });

    test('is small, for the agent and for its pod on each node', async (context) => {
      const { cluster, operator, lan, record } = bed();
      const [agent, another] = await pods(bed(), 'berth-agent');
      const [node] = await pods(bed(), 'berth-node');
      assert.ok(agent !== undefined && another === undefined && node !== undefined);
      const service = await operator.type(
        "kubectl get service kubernetes --output=jsonpath='{.spec.clusterIP}'",
      );
      const [pid = 0] = (await usageOf(agent)).pids;
      const [toApiServer, toBerth] = [
        await countTraffic(pid, service),
        await countTraffic(pid, lan.address(2)),
      ];
      const [agentBefore, nodeBefore] = [await usageOf(agent), await usageOf(node)];
      const began = Date.now();
      await pause(minute);
      const [agentAfter, nodeAfter] = [await usageOf(agent), await usageOf(node)];
      const requests = (await requestsOfBerth(cluster)).filter(
        ({ user, requestReceivedTimestamp }) =>
          user.username === agentUser && Date.parse(requestReceivedTimestamp) >= began,
      );
      tell(
        context,
        requests.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}`),
      );
      const figures: readonly Figure[] = [
        { what: 'agent, memory', value: mebibytes(agentAfter), unit: 'MiB', target: 80 },
        {
          what: 'agent, processor time a minute',
          value: agentAfter.cpuMilliseconds - agentBefore.cpuMilliseconds,
          unit: 'ms',
          target: 600,
        },
        {
          what: 'agent, requests to the API server a minute',
          value: requests.length,
          unit: 'requests',
          target: 60,
        },
        {
          what: 'agent, to and from the API server a minute',
          value: (await toApiServer.bytes()) / 1024,
          unit: 'KiB',
          target: 200,
        },
        {
          what: 'agent, to and from Berth a minute',
          value: (await toBerth.bytes()) / 1024,
          unit: 'KiB',
          target: 20,
        },
        { what: 'pod on a node, memory', value: mebibytes(nodeAfter), unit: 'MiB', target: 8 },
        {
          what: 'pod on a node, processor time a minute',
          value: nodeAfter.cpuMilliseconds - nodeBefore.cpuMilliseconds,
          unit: 'ms',
          target: 600,
        },
      ];
      for (const figure of figures) record(figure);
      await toBerth.end();
      await toApiServer.end();
      for (const { what, value, target = 0, unit } of figures) {
        assert.ok(value <= target * 10, `${what}: ${value} ${unit}, and ${target} are wanted`);
      }
    });
  });
}

function pods({ cluster }: Bed, name: string): Promise<readonly RunningContainer[]> {
  return containersOf(cluster, 'berth', `app.kubernetes.io/name=${name}`);
}

function mebibytes({ residentBytes }: { readonly residentBytes: number }): number {
  return residentBytes / 1024 / 1024;
}

/** Which requests they were, the most frequent first. */
function tell(context: TestContext, requests: readonly string[]): void {
  const counts = Map.groupBy(requests, (request) => request);
  for (const [request, { length }] of [...counts].sort(([, a], [, b]) => b.length - a.length)) {
    context.diagnostic(`${length} × ${request}`);
  }
}
