import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName, publicProject, registry } from '../bed.ts';

import type { ClusterNode, ContainerdVersion } from '../index.ts';
import { described, pulls, running, runOn } from '../pods.ts';
import { haveConnected } from '../preparation.ts';
import { reported, trusted } from '../reported.ts';
import { containersOf, usageOf } from '../usage.ts';

const folder = `/etc/containerd/certs.d/${registry}`;

/** What nodes need to pull, and what becomes of those that others have set up. */
export function trustSection(bed: () => Bed, version: ContainerdVersion): void {
  describe('trust on the nodes', () => {
    before(() => haveConnected(bed()));
    after(async () => {
      const { cluster } = bed();
      for (const node of cluster.nodes.slice(2)) await cluster.removeNode(node);
    });

    test('every node says that it trusts Berth, and how', async () => {
      const nodes = await Promise.all(['node-1', 'node-2'].map((name) => trusted(bed(), name)));
      for (const { trust, distribution, runtime } of nodes) {
        assert.equal(trust.authorities, sha256(bed().berth.authority));
        assert.equal(trust.configPath, '/etc/containerd/certs.d');
        assert.equal(distribution, 'kubeadm');
        assert.match(runtime, new RegExp(`^containerd://${bed().version}`));
      }
    });

    test('pods on every node pull what they could not before', async () => {
      const image = await bed().push(`${publicProject}/trusted:1`);
      for (const { name } of bed().cluster.nodes)
        await pulls(bed().operator, `trusted-${name}`, image, name);
    });

    test('a tag that does not exist is said not to, and not to have a wrong certificate', async () => {
      const { operator } = bed();
      await operator.type(`kubectl run lost --image=${registry}/${publicProject}/trusted:lost`);
      const said = await described(operator, 'lost', /not found/);
      assert.doesNotMatch(said, /x509/);
      await operator.type('kubectl delete pod lost --now');
    });

    test('a pod that waits for a node that joins runs at the latest with its first retry', async () => {
      const { cluster, operator, version, record } = bed();
      const image = await bed().push(`${publicProject}/joining:1`);
      await operator.type(
        `kubectl run joining --image=${image} --overrides='{"spec":{"nodeSelector":{"kubernetes.io/hostname":"node-3"}}}'`,
      );
      await cluster.addNode({ name: 'node-3', number: 13, containerd: version });
      const ready = performance.now();
      await running(operator, 'joining', 1);
      record({ what: 'a new node to its first pod', value: performance.now() - ready, unit: 'ms' });
      const said = await operator.type('kubectl describe pod joining');
      const failures = /Failed to pull/.test(said)
        ? /Failed +[^\n]*Failed to pull/.exec(said)
        : null;
      assert.doesNotMatch(failures?.[0] ?? '', /\(x[2-9]\d* over/);
      await operator.type('kubectl delete pod joining --now');
      await trusted(bed(), 'node-3');
    });

    test('what somebody takes away or changes is put back within seconds', async () => {
      const [node] = bed().cluster.nodes;
      assert.ok(node);
      const file = node.host.file(`${folder}/ca.crt`);
      await node.host.exec('rm', '-r', '/etc/containerd/certs.d');
      await lies(file, bed().berth.authority);
      await node.host.shell(`echo changed >${folder}/ca.crt; touch -d '+1 hour' ${folder}/ca.crt`);
      await lies(file, bed().berth.authority);
    });

    test("somebody else's folder for Berth is left alone, told with a cure, and replaced when it goes", async () => {
      const node = nodeNamed(bed(), 'node-3');
      const theirs = 'server = "https://mirror.test"\n';
      await node.host.write('/etc/containerd/certs.d/other.test/hosts.toml', theirs);
      await node.host.shell(
        `rm -r ${folder} && mkdir ${folder} && printf '%s' '${theirs}' >${folder}/hosts.toml`,
      );
      const { trust } = await reported(
        bed(),
        'node-3',
        ({ trust: { state } }) => state === 'problem',
      );
      assert.match(trust.problem?.message ?? '', /made by somebody else/);
      assert.match(trust.problem?.cure ?? '', /berth trust .* --remove/);
      assert.equal(await readFile(node.host.file(`${folder}/hosts.toml`), 'utf8'), theirs);
      await node.host.exec('rm', '-r', folder);
      await trusted(bed(), 'node-3');
      assert.equal(
        await readFile(node.host.file('/etc/containerd/certs.d/other.test/hosts.toml'), 'utf8'),
        theirs,
      );
    });

    test('containerd without config_path: 1.6 is explained, 2.4 looks in its default folder', async () => {
      const { cluster, operator } = bed();
      await cluster.addNode({ name: 'node-4', number: 14, containerd: version, configPath: false });
      if (version === '2.4') {
        await trusted(bed(), 'node-4');
        return;
      }
      const { trust } = await reported(
        bed(),
        'node-4',
        ({ trust: { state } }) => state === 'problem',
      );
      assert.match(trust.problem?.message ?? '', /names no config_path/);
      assert.match(trust.problem?.cure ?? '', /--set-config-path/);
      const image = await bed().push(`${publicProject}/unset:1`);
      await runOn(operator, 'unset', image, 'node-4');
      await described(operator, 'unset', /x509: certificate signed by unknown authority/);
      await operator.type('kubectl delete pod unset --now');
    });

    if (version === '1.6') {
      test('config_path is set when told so; containerd is restarted by hand, since the bed has no systemd', async () => {
        const { clone } = bed();
        const node = nodeNamed(bed(), 'node-4');
        await clone.type(`./berth cluster set ${clusterName} --set-config-path`);
        const { trust } = await reported(
          bed(),
          'node-4',
          ({ trust: { problem } }) => problem?.message.includes('not been started anew') === true,
        );
        assert.match(trust.problem?.cure ?? '', /Restart containerd/);
        await node.containerd.restart();
        await trusted(bed(), 'node-4');
        const image = await bed().push(`${publicProject}/unset:2`);
        await pulls(bed().operator, 'set', image, 'node-4');
      });
    }

    test('pods keep pulling while the authority of Berth is changed', async () => {
      const { clone, berth } = bed();
      const before = berth.authority;
      const images: string[] = [];
      for (let round = 1; round <= 8; round += 1) {
        images.push(await bed().push(`${publicProject}/rotated:${round}`));
      }
      const pull = async (image: string, index: number) =>
        pulls(bed().operator, `rotated-${index}`, image, `node-${(index % 2) + 1}`);
      let changing = true;
      const pulling = (async () => {
        let index = 0;
        // The last ones are pulled when all is over.
        while (changing && index < images.length - 2) await pull(images[index] ?? '', index++);
      })();
      await clone.type('./berth authority rotate');
      await clone.type('./berth authority switch');
      await berth.readAuthority();
      assert.notEqual(berth.authority, before);
      const fingerprint = new X509Certificate(berth.authority).fingerprint256;
      await clone.type(`./berth trust ${registry} --fingerprint ${fingerprint}`);
      await clone.type('./berth authority retire');
      changing = false;
      await pulling;
      // Until then it was the two that were to be trusted.
      await berth.readAuthority();
      for (const name of ['node-1', 'node-2']) {
        await reported(
          bed(),
          name,
          ({ trust }) => trust.state === 'trusted' && trust.authorities === sha256(berth.authority),
        );
      }
      await pull(images.at(-1) ?? '', 98);
      await pull(images.at(-2) ?? '', 99);
    });

    test('nodes that do not resolve the name pull from an address that is set', async () => {
      const { cluster, version, clone, operator, lan } = bed();
      const node = await cluster.addNode({ name: 'node-5', number: 15, containerd: version });
      await forgetName(node);
      const image = await bed().push(`${publicProject}/nameless:1`);
      await runOn(operator, 'nameless', image, 'node-5');
      await described(operator, 'nameless', /dial tcp: lookup registry\.berth\.test/);
      await operator.type('kubectl delete pod nameless --now');
      await clone.type(
        `./berth cluster set ${clusterName} --address https://${lan.address(2)}:5000`,
      );
      await waitFor(() => readFile(node.host.file(`${folder}/hosts.toml`), 'utf8'), {
        what: 'the address to be on the node',
        until: (text) => text.includes(`[host."https://${lan.address(2)}:5000"]`),
      });
      await pulls(operator, 'addressed', image, 'node-5');
      // Not the name that leads nowhere.
      await runOn(operator, 'mistyped', `${image}-0`, 'node-5');
      await described(operator, 'mistyped', `${image}-0: not found`);
      await operator.type('kubectl delete pod mistyped --now');
      await clone.type(`./berth cluster set ${clusterName} --no-address`);
      await trusted(bed(), 'node-5');
    });

    test('a node whose sandboxes are of another image gets pods of that image', async () => {
      const { cluster, operator, version } = bed();
      const sandbox = 'docker.io/rancher/mirrored-pause:9';
      await cluster.addNode({ name: 'node-6', number: 16, containerd: version, sandbox });
      await trusted(bed(), 'node-6');
      const images = await operator.type(
        "kubectl get daemonsets --namespace berth --output=jsonpath='{.items[*].spec.template.spec.containers[*].image}'",
      );
      assert.deepEqual(images.split(' ').sort(), [sandbox, 'registry.k8s.io/pause:3.10']);
      assert.equal((await trusted(bed(), 'node-1')).trust.problem, undefined);
    });

    test('a node that has nothing to do costs next to nothing', async () => {
      const { cluster, record } = bed();
      const containers = await containersOf(cluster, 'berth', 'app.kubernetes.io/name=berth-node');
      const [container] = containers;
      assert.ok(container);
      const seconds = 10;
      const before = await usageOf(container);
      await pause(seconds * 1_000);
      const after = await usageOf(container);
      const share = (after.cpuMilliseconds - before.cpuMilliseconds) / seconds;
      record({
        what: 'the pod on a node at rest',
        value: share,
        unit: 'ms of a processor a second',
      });
      record({
        what: 'the pod on a node at rest',
        value: after.residentBytes / 2 ** 20,
        unit: 'MiB',
      });
      assert.ok(share < 50, `${share} ms a second`);
    });
  });
}

async function forgetName({ host }: ClusterNode): Promise<void> {
  await host.write('/etc/hosts', '127.0.0.1 localhost\n');
  await host.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n');
}

async function lies(file: string, content: string): Promise<void> {
  await waitFor(() => readFile(file, 'utf8'), {
    what: `${file} to be as Berth lays it down`,
    until: (text) => text === content,
  });
}

function nodeNamed({ cluster }: Bed, name: string): ClusterNode {
  const node = cluster.nodes.find((one) => one.name === name);
  assert.ok(node, `There is no ${name}.`);
  return node;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
