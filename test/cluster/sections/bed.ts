import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { type Bed, publicProject, registry } from '../bed.ts';
import { described, running } from '../pods.ts';

/** That the bed itself is what the other sections take it for, before Berth knows the cluster. */
export function bedSection(bed: () => Bed): void {
  describe('the bed', () => {
    let image: string;
    before(async () => {
      image = await bed().push(`${publicProject}/stranger:1`);
    });

    test("a host's /etc is its own", async () => {
      const [node] = bed().cluster.nodes;
      const file = '/etc/containerd/certs.d/example.test/ca.crt';
      await node?.host.write(file, 'nothing');
      await assert.rejects(readFile(file));
      await assert.rejects(bed().operator.type(`cat ${file}`));
      await node?.host.exec('rm', '-r', '/etc/containerd/certs.d/example.test');
    });

    test('pods do not pull from Berth, whose authority the nodes do not know', async () => {
      const { operator } = bed();
      await operator.type(`kubectl run stranger --image=${image}`);
      await described(operator, 'stranger', /x509: certificate signed by unknown authority/);
    });

    test('a name that does not exist is said not to', async () => {
      const { operator } = bed();
      await operator.type('kubectl run lost --image=nowhere.berth.test/open/lost:1');
      await described(operator, 'lost', /lookup nowhere\.berth\.test on [\d.]+:53: no such host/);
    });

    test("the authority in containerd's own folder, and nothing else, is enough for a pod", async () => {
      const { operator, cluster, berth } = bed();
      const folder = `/etc/containerd/certs.d/${registry}`;
      for (const { host } of cluster.nodes) await host.write(`${folder}/ca.crt`, berth.authority);
      await operator.type(`kubectl run friend --image=${image}`);
      await running(operator, 'friend', 1);
      const marker = await operator.type('kubectl exec friend -- cat /etc/marker');
      assert.equal(marker, `${image}\n`);
      await operator.type('kubectl delete pod friend stranger lost --now');
    });

    test('pods resolve Services, the registry, and a name that comes later', async () => {
      const { operator, lan, berth } = bed();
      const [name = ''] = berth.name.split(':');
      await operator.type(
        `kubectl run web --image=${image} --labels=app=web --expose --port=80 --overrides='{"spec":{"nodeName":"node-2"}}' -- httpd -f -h /etc`,
      );
      await operator.type(
        `kubectl run client --image=${image} --overrides='{"spec":{"nodeName":"node-1"}}'`,
      );
      await running(operator, 'client', 1);
      await sees(bed(), 'web.default.svc.cluster.local', '10.96.');
      await sees(bed(), name, lan.address(2));
      await lan.resolve({ 'late.berth.test': lan.address(99) });
      await sees(bed(), 'late.berth.test', lan.address(99));
    });

    test('a Service answers across the nodes, and at its node port on each of them', async () => {
      const { operator, cluster } = bed();
      await operator.type(`kubectl patch service web --patch '{"spec":{"type":"NodePort"}}'`);
      const field = (path: string) =>
        operator.type(`kubectl get service web --output=jsonpath='{.spec.${path}}'`);
      const [address, port] = [await field('clusterIP'), await field('ports[0].nodePort')];
      const ask = (what: string, command: string) =>
        waitFor(() => operator.type(command), { what, until: (said) => said === `${image}\n` });
      await ask(
        'the Service to answer a pod',
        `kubectl exec client -- wget -q -O- http://${address}/marker`,
      );
      for (const node of cluster.nodes) {
        await ask(
          `the node port of ${node.name} to answer`,
          `curl -fsS --max-time 5 http://${node.address}:${port}/marker`,
        );
      }
      await operator.type('kubectl delete service web');
      await operator.type('kubectl delete pod web client --now');
    });

    test('without that file new pods do not pull any more', async () => {
      const { operator, cluster } = bed();
      for (const { host } of cluster.nodes) {
        await host.exec('rm', '-r', `/etc/containerd/certs.d/${registry}`);
      }
      const other = await bed().push(`${publicProject}/stranger:2`);
      await operator.type(`kubectl run stranger --image=${other}`);
      await described(operator, 'stranger', /x509: certificate signed by unknown authority/);
      await operator.type('kubectl delete pod stranger --now');
    });
  });
}

async function sees({ operator }: Bed, name: string, address: string): Promise<void> {
  await waitFor(() => operator.type(`kubectl exec client -- nslookup ${name}`), {
    what: `a pod to resolve ${name}`,
    until: (answer) => answer.includes(`Address: ${address}`),
  });
}
