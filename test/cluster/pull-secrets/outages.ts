import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { agentPods, leadingAgent, networkOfAgent } from '../agent-network.ts';
import { running } from '../pods.ts';
import { containersOf } from '../usage.ts';
import type { Scene } from './scene.ts';

/** Milliseconds from an end of an outage. */
const target = 5_000;
/** Long enough for connections to be given up, and for some that are tried meanwhile to fail. */
const silenceMilliseconds = 9_000;

/** @param cuts whether the network is cut too, which no runtime makes a difference to */
export function outageTests(scene: () => Scene, cuts: boolean): void {
  /** Waits until all is right that is to be so soon. */
  async function recovers(
    what: string,
    began: number,
    namespaces: readonly string[],
  ): Promise<void> {
    const { untilRight, bed } = scene();
    for (const namespace of namespaces) await untilRight(namespace);
    const value = performance.now() - began;
    bed.record({ what, value, unit: 'ms', target });
    assert.ok(value < target * 10);
  }

  test('an API server that restarts, and watches that are cut with it, lose nothing', async () => {
    const { kubectl, grant, secretOf, untilRight, bed } = scene();
    const kept = await secretOf('occupied');
    await kubectl('create namespace before-restart');
    await grant('--selector arrives=outage');
    await bed.cluster.restartApiServer();
    const began = performance.now();
    await kubectl('label namespace before-restart arrives=outage');
    await kubectl('create namespace after-restart');
    await kubectl('label namespace after-restart arrives=outage');
    await untilRight('before-restart');
    await untilRight('after-restart');
    const value = performance.now() - began;
    const what = 'an API server that is back, to all that is right';
    bed.record({ what, value, unit: 'ms', target });
    assert.ok(value < target * 10);
    assert.equal(
      (await secretOf('occupied'))?.metadata.resourceVersion,
      kept?.metadata.resourceVersion,
    );
  });

  test('an agent that is killed finds what changed meanwhile, and issues nothing needlessly', async () => {
    const { kubectl, secretOf, untilRight, bed } = scene();
    const kept = await secretOf('beside');
    const pod = await kubectl(
      '--namespace berth get pods --selector app.kubernetes.io/name=berth-agent --output name',
    );
    await kubectl(`--namespace berth delete ${pod.trim()} --now --wait=false`);
    await kubectl('create namespace while-away');
    await kubectl('label namespace while-away arrives=outage');
    await kubectl(`--namespace full delete secret ${pullSecretName}`);
    const began = performance.now();
    await untilRight('while-away');
    await untilRight('full');
    const value = performance.now() - began;
    bed.record({ what: 'an agent that is killed, to all that is right', value, unit: 'ms' });
    await pause(2_000);
    assert.equal(
      (await secretOf('beside'))?.metadata.resourceVersion,
      kept?.metadata.resourceVersion,
    );
  });

  if (!cuts) return;

  /** A namespace that something is granted to. */
  async function arrives(name: string): Promise<string> {
    const { kubectl } = scene();
    await kubectl(`create namespace ${name}`);
    await kubectl(`label namespace ${name} arrives=outage`);
    return name;
  }

  test('watches that are reset while the API server goes on lose nothing', async () => {
    const network = await networkOfAgent(scene().bed);
    const before = await arrives('before-reset');
    const ended = await network.reset();
    const began = performance.now();
    assert.ok(ended > 1, `${ended} connections were ended: the kernel may not know how to.`);
    const after = await arrives('after-reset');
    await recovers('watches that were reset, to all that is right', began, [before, after]);
  });

  test('watches that nothing comes through any more, of which nobody tells, lose nothing', async () => {
    const network = await networkOfAgent(scene().bed);
    await network.silence();
    const unheard = await arrives('unheard');
    await pause(silenceMilliseconds);
    await network.restore();
    const began = performance.now();
    const heard = await arrives('heard');
    const what = 'a network that is back after silence, to all that is right';
    await recovers(what, began, [unheard, heard]);
  });

  test('an agent that is killed beside another is followed by that, and nothing is lost', async () => {
    const { kubectl, bed } = scene();
    const scale = 'scale deployment/berth-agent --namespace berth --replicas';
    await kubectl(`${scale} 2`);
    await running(bed.operator, `--namespace berth --selector ${agentPods}`, 2);
    const leader = await leadingAgent(bed);
    const killed: string[] = [];
    const namespaces: string[] = [];
    let began = 0;
    // The kubelet lets one that was killed begin again at once, which then leads on; a second time it waits.
    await waitFor(
      async () => {
        const agents = await containersOf(bed.cluster, 'berth', agentPods);
        const agent = agents.find(({ pod, id }) => pod === leader && !killed.includes(id));
        if (agent !== undefined) {
          killed.push(agent.id);
          await agent.node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', agent.id);
          began = performance.now();
          namespaces.push(await arrives(`killed-${killed.length}`));
        }
        return await leadingAgent(bed);
      },
      { what: 'the other agent to lead', until: (name) => name !== '' && name !== leader },
    );
    const what = 'an agent that is killed beside another, to all that is right';
    await recovers(what, began, namespaces);
    await kubectl(`${scale} 1`);
  });
}
