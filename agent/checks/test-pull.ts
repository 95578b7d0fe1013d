import { setTimeout as wait } from 'node:timers/promises';
import type { AgentCheck } from '#contract/agent.ts';
import { createObjectStore, type Pod, resources } from '#kubernetes/api/index.ts';
import { berthNamespace, ourLabels, testPodName } from '#kubernetes/manifests/names.ts';
import type { AgentContext, CreateAgentPart } from '../part.ts';
import { cureOfPull } from './pull-cures.ts';

const place = { name: testPodName, namespace: berthNamespace };
/** A kubelet tries again after up to five minutes. */
const limitMilliseconds = 360_000;
/** A node that is new may not trust the registry yet: so long a failure is no verdict. */
const patienceMilliseconds = 30_000;

/** Shows that pulling works: a pod of the agent's own image, pulled anew, runs to its end. */
export const createTestPull: CreateAgentPart = (context) => {
  let running = false;
  let tested = false;
  let cluster = 'CLUSTER';

  function test(): void {
    tested = true;
    if (running) return;
    running = true;
    void run(context, cluster).finally(() => {
      running = false;
    });
  }

  return {
    name: 'test pull',
    stateChanged: async (desired) => {
      cluster = desired.cluster;
      if (!tested) test();
    },
    answers: {
      'pull.test': async () => {
        test();
        // Whoever asked looks at the checklist next: it must not say what the pull before came to.
        await context.reports.checksTold();
        return {};
      },
    },
    remove: async () => {
      await context.api.delete(resources.pods, place, { gracePeriodSeconds: 0 });
      return [];
    },
  };
};

async function run(context: AgentContext, cluster: string): Promise<void> {
  const { api, pod, reports, log, signal } = context;
  const ended = new AbortController();
  const limit = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(limitMilliseconds)]);
  const name = 'test-pull';
  try {
    reports.setCheck({ name, state: 'waiting', detail: 'The test pod is being made.' });
    const own = await api.get(resources.pods, { name: pod, namespace: berthNamespace });
    const image = own.spec.containers[0]?.image ?? '';
    await removeEarlier(context, limit);
    const begun = performance.now();
    await api.patch(
      resources.pods,
      place,
      { type: 'apply', force: true, body: testPod(image) },
      { signal: limit },
    );
    const last = await untilEnd(context, limit, (pod) => {
      const patient = performance.now() - begun < patienceMilliseconds;
      reports.setCheck(checkOf(pod, image, cluster, patient));
    });
    if (last !== undefined) reports.setCheck(checkOf(last, image, cluster, false));
  } catch (error) {
    if (signal.aborted) return;
    log.failure('The test pull', error);
    const message = `The test pod could not be made: ${error instanceof Error ? error.message : String(error)}`;
    const cure = `See what \`berth cluster status ${cluster}\` says of the agent's rights, then try again with \`berth cluster test ${cluster}\`.`;
    reports.setCheck({ name, state: 'failed', problem: { message, cure } });
  } finally {
    ended.abort();
    await api
      .delete(resources.pods, place, { gracePeriodSeconds: 0 })
      .catch((error) => log.failure('Deleting the test pod', error));
  }
}

async function removeEarlier({ api }: AgentContext, limit: AbortSignal): Promise<void> {
  while (await api.delete(resources.pods, place, { gracePeriodSeconds: 0, signal: limit })) {
    await wait(200, undefined, { signal: limit });
  }
}

/** Shows each state of the pod to `seen`; resolves with the last one. */
async function untilEnd(
  { api, log }: AgentContext,
  limit: AbortSignal,
  seen: (pod: Pod) => void,
): Promise<Pod | undefined> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let last: Pod | undefined;
  const store = createObjectStore({
    api,
    resource: resources.pods,
    namespace: berthNamespace,
    fields: `metadata.name=${testPodName}`,
    keep: (pod) => pod,
    signal: limit,
    report: (error) => log.failure('Watching the test pod', error),
  });
  store.subscribe(({ kind, item }) => {
    last = item;
    seen(item);
    const ended = ['Succeeded', 'Failed'].includes(item.status?.phase ?? '');
    if (ended || kind === 'deleted') resolve();
  });
  limit.addEventListener('abort', () => resolve());
  await promise;
  return last;
}

function checkOf(pod: Pod, image: string, cluster: string, patient: boolean): AgentCheck {
  const name = 'test-pull';
  const node = pod.spec.nodeName ?? 'no node yet';
  const { phase, conditions = [], containerStatuses = [], message } = pod.status ?? {};
  if (phase === 'Succeeded') {
    return { name, state: 'passed', detail: `${image} was pulled and run on ${node}.` };
  }
  const state = containerStatuses[0]?.state;
  const failure =
    conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')?.message ??
    pullFailure(state?.waiting) ??
    (phase === 'Failed' ? (state?.terminated?.message ?? message ?? 'The pod failed.') : undefined);
  if (failure === undefined) return { name, state: 'waiting', detail: `Pulling on ${node}.` };
  if (patient && phase !== 'Failed') {
    return { name, state: 'waiting', detail: `On ${node}, tried again soon: ${failure}` };
  }
  return {
    name,
    state: 'failed',
    problem: { message: `On ${node}: ${failure}`, cure: cureOfPull(failure, cluster) },
  };
}

function pullFailure(
  waiting: { readonly reason?: string; readonly message?: string } | undefined,
): string | undefined {
  if (waiting?.reason === undefined) return undefined;
  if (['ContainerCreating', 'PodInitializing'].includes(waiting.reason)) return undefined;
  return waiting.message ?? waiting.reason;
}

function testPod(image: string): Pod {
  return {
    metadata: { ...place, labels: ourLabels },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      activeDeadlineSeconds: limitMilliseconds / 1_000,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'pull',
          image,
          imagePullPolicy: 'Always',
          command: ['/usr/bin/node', '--version'],
          resources: { requests: { cpu: '1m', memory: '16Mi' }, limits: { memory: '128Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}
