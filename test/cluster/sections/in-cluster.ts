import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cluster as ClusterStatus } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import type { Terminal } from '#test/terminal.ts';
import { deploymentsSection } from '../../tutorial/deployments.ts';
import { helmSection } from '../../tutorial/helm.ts';
import { netutils } from '../../tutorial/preparation.ts';
import { secretsSection } from '../../tutorial/secrets.ts';
import { trustSection } from '../../tutorial/trust.ts';
import type { Bed } from '../bed.ts';
import {
  insideName,
  insideNamespace,
  openPage,
  type Page,
  readStart,
  type Start,
} from '../in-cluster/page.ts';
import {
  packageForOperator,
  prepareNamespace,
  removeNamespace,
  secondClone,
  trustOutside,
} from '../in-cluster/preparation.ts';
import { proxiedDescription } from '../in-cluster/proxied.ts';
import { type InsideScene, openScene } from '../in-cluster/scene.ts';
import { described } from '../pods.ts';

const clusterName = 'home';

export function inClusterSection(bed: () => Bed): void {
  describe('Berth in the cluster', () => {
    const inNamespace = (command: string) =>
      bed().operator.type(`kubectl --namespace ${insideNamespace} ${command}`);
    let clone: Terminal;
    let page: Page;
    let start: Start | undefined;
    let opened: InsideScene | undefined;
    const scene = () => {
      if (opened === undefined) throw new Error('Berth has not been installed.');
      return opened;
    };

    before(async () => {
      clone = await secondClone(bed());
      page = await openPage(bed(), clone, () => start);
      await packageForOperator(bed());
      await trustOutside(bed());
      await prepareNamespace(bed());
    });
    after(async () => {
      const { operator } = bed();
      await operator.type('kubectl delete deployments,pods,secrets --all --now');
      await operator.type('kubectl delete namespace housemates --ignore-not-found');
      await operator.type(`helm uninstall berth --ignore-not-found --namespace ${insideNamespace}`);
      await removeNamespace(bed());
      await opened?.stop();
    });

    test('its image and chart are pushed to a registry outside', async () => {
      await page.follow('docker', 'helm push');
    });

    test('Helm installs it from there, where pods are restricted', async () => {
      assert.match(await page.follow('helm install berth'), /^STATUS: deployed$/m);
      await page.follow(`kubectl --namespace ${insideNamespace} rollout`);
      start = readStart(await page.follow(`kubectl --namespace ${insideNamespace} logs`));
      opened = await openScene(bed(), start, becomesRight);
    });

    test('kubectl exec runs its commands', async () => {
      const said = await inNamespace('exec deployment/berth -- berth version');
      assert.match(said, /^berth \d/m);
    });

    test('what Helm would apply is the same each time, and an upgrade restarts nothing', async () => {
      const { operator } = bed();
      const install = page.command('helm install berth').replace(' --create-namespace', '');
      const again = (verb: string) => operator.type(install.replace('install', verb));
      assert.equal(await again('template'), await again('template'));
      const generation = () =>
        inNamespace("get deployment berth --output=jsonpath='{.metadata.generation}'");
      const before = await generation();
      await again('upgrade');
      assert.equal(await generation(), before);
    });

    test('people trust it and sign in to it by its name', async () => {
      const { operator, cluster } = bed();
      const [host = ''] = insideName.split(':');
      await operator.host.resolve({ [host]: cluster.nodes[0]?.address ?? '' });
      await page.follow('./berth trust', 'echo');
    });

    test('the nodes cannot resolve its name', async () => {
      const { workstation } = scene();
      await workstation.type(`kubectl run lost --image=${netutils(scene())}`);
      await described(workstation, 'lost', /lookup inside\.berth\.test on [\d.]+:53: no such host/);
      await workstation.type('kubectl delete pod lost --now');
    });

    describe('the tutorial, with its name in /etc/hosts of the nodes', () => {
      before(() => scene().nameOnNodes());
      after(() => scene().forgetOnNodes());
      trustSection(scene);
    });

    test('the cluster is connected to it by addresses of nodes', async () => {
      const said = await page.follow('./berth cluster connect');
      const pasted = /^\s*(kubectl get nodes .*)$/m.exec(said)?.[1];
      assert.ok(pasted, said);
      await bed().operator.type(pasted);
      await becomesRight();
    });

    test('the address of its Service will do as well', async () => {
      const service = await inNamespace("get service berth --output=jsonpath='{.spec.clusterIP}'");
      await clone.type(`./berth cluster set ${clusterName} --address https://${service}`);
      await becomesRight();
    });

    describe('the tutorial, with nodes that Berth leads to it', () => {
      secretsSection(scene);
      deploymentsSection(scene);
      helmSection(scene);
    });

    test('pods of a namespace that something is granted to pull without a Secret made by hand', async () => {
      const { operator } = bed();
      await operator.type('kubectl create namespace housemates');
      await clone.type(
        `./berth cluster grant ${clusterName} --namespace housemates --project ithome`,
      );
      const image = netutils(scene());
      await operator.type(
        `kubectl --namespace housemates create deployment free --replicas=2 --image=${image}`,
      );
      await operator.type(
        'kubectl --namespace housemates rollout status deployment/free --timeout=100s',
      );
    });

    test('what it holds outlives its pod, and the agent comes back to it', async () => {
      await inNamespace('delete pod --selector app.kubernetes.io/name=berth --now');
      await inNamespace('rollout status deployment/berth --timeout=110s');
      assert.match(await clone.type('./berth repository list ithome'), /ithome\/netutils/);
      await becomesRight();
    });

    proxiedDescription(bed, () => page, scene);

    test('the cluster is disconnected from it', async () => {
      await clone.type(`./berth cluster disconnect ${clusterName} --yes`);
      assert.deepEqual(JSON.parse(await clone.type('./berth cluster list --json')), []);
    });

    async function becomesRight(): Promise<void> {
      const status = async (): Promise<ClusterStatus> =>
        JSON.parse(await clone.type(`./berth cluster status ${clusterName} --json`));
      await waitFor(status, {
        what: 'all checks of the cluster to pass',
        until: ({ state, checks }) =>
          state === 'connected' && checks.every((check) => check.state === 'passed'),
        limit: 120_000,
      });
    }
  });
}
