import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cluster as ClusterStatus, ConnectionOffer } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { quoted, type Terminal } from '#test/terminal.ts';
import type { Bed } from '../bed.ts';
import { busyboxImage } from '../index.ts';
import {
  helmCommand,
  type Inside,
  insideName,
  insideNamespace,
  type PushedPackage,
  prepareInside,
  pushPackage,
  readStart,
  signInInside,
  trustOutside,
} from '../inside.ts';
import { described, running } from '../pods.ts';

const clusterName = 'home';
const image = `${insideName}/ithome/netutils:latest`;

export function inClusterSection(bed: () => Bed): void {
  describe('Berth in the cluster', () => {
    const kubectl = (command: string) =>
      bed().operator.type(`kubectl --namespace ${insideNamespace} ${command}`);
    let packaged: PushedPackage;
    let inside: Inside;
    let clone: Terminal;

    before(async () => {
      packaged = await pushPackage(bed());
      bed().record({ what: "Berth's image", value: packaged.imageBytes / 1e6, unit: 'MB' });
      bed().record({ what: "Berth's images, built", value: packaged.seconds, unit: 's' });
      await trustOutside(bed());
      await prepareInside(bed());
    });
    after(async () => {
      const { operator } = bed();
      await operator.type('kubectl delete deployments,pods,secrets --all --now');
      await operator.type(
        `helm uninstall web; helm uninstall berth --namespace ${insideNamespace}; kubectl delete namespace ${insideNamespace}; kubectl delete persistentvolume berth-data`,
      );
    });

    test('Helm installs it from a registry outside, where pods are restricted', async () => {
      const { operator } = bed();
      const said = await operator.type(helmCommand('install', packaged, bed()));
      assert.match(said, /^STATUS: deployed$/m);
      await kubectl('rollout status deployment/berth --timeout=110s');
      inside = await readStart(bed());
    });

    test('kubectl exec runs its commands', async () => {
      const said = await kubectl('exec deployment/berth -- berth version --json');
      assert.equal(JSON.parse(said).version, packaged.version);
    });

    test('what Helm would apply is the same each time, and an upgrade restarts nothing', async () => {
      const { operator } = bed();
      const template = helmCommand('install', packaged, bed()).replace('install', 'template');
      assert.equal(await operator.type(template), await operator.type(template));
      const generation = () =>
        kubectl("get deployment berth --output=jsonpath='{.metadata.generation}'");
      const before = await generation();
      await operator.type(helmCommand('upgrade', packaged, bed()));
      assert.equal(await generation(), before);
    });

    test('people sign in and push to it by its name', async () => {
      const { operator, cluster, docker } = bed();
      const [node] = cluster.nodes;
      const [host = ''] = insideName.split(':');
      await operator.host.resolve({ [host]: node?.host.address ?? '' });
      clone = await signInInside(bed(), inside);
      await docker.load(await busyboxImage(image));
      assert.match(await operator.type(`docker push ${image}`), /^latest: digest: sha256:/m);
    });

    test('the nodes cannot resolve its name', async () => {
      const { operator } = bed();
      await operator.type(`kubectl run lost --image=${image}`);
      await described(operator, 'lost', /lookup inside\.berth\.test on [\d.]+:53: no such host/);
      await operator.type('kubectl delete pod lost --now');
    });

    test('the cluster is connected to it by the addresses of a node and of its Service', async () => {
      const { operator, cluster } = bed();
      const service = await kubectl("get service berth --output=jsonpath='{.spec.clusterIP}'");
      const node = cluster.nodes[0]?.host.address;
      const offer: ConnectionOffer = JSON.parse(
        await clone.type(
          `./berth cluster connect ${clusterName} --address https://${service} --address https://${node}:30500 --json 2>/dev/null`,
        ),
      );
      await operator.type(offer.commands.kubectl);
      await becomes('connected and right', ({ state, checks }) => {
        return state === 'connected' && checks.every((check) => check.state === 'passed');
      });
    });

    test('pods pull with a Secret made by hand', async () => {
      const { operator } = bed();
      await operator.type(
        `kubectl create secret docker-registry regcred --docker-server=${insideName} --docker-username=admin --docker-password=${quoted(inside.password)}`,
      );
      await operator.type('kubectl apply --filename=-', { input: deployment('netutils') });
      await operator.type('kubectl rollout status deployment/netutils --timeout=60s');
      await running(operator, '--selector app=netutils', 3);
    });

    test('pods of a namespace that something is granted to pull without one', async () => {
      const { operator } = bed();
      await clone.type(`./berth cluster grant ${clusterName} --namespace default --project ithome`);
      await operator.type(`kubectl create deployment granted --replicas=2 --image=${image}`);
      await operator.type('kubectl rollout status deployment/granted --timeout=100s');
    });

    test('Helm installs a chart from it, whose image is pulled from it', async () => {
      const { operator } = bed();
      await operator.type('rm -rf web && helm create web && helm package web');
      await operator.type(`helm push web-0.1.0.tgz oci://${insideName}/ithome`);
      await operator.type(
        `helm install web oci://${insideName}/ithome/web --version 0.1.0 --set image.repository=${insideName}/ithome/netutils --set image.tag=latest --set livenessProbe=null --set readinessProbe=null --set 'imagePullSecrets[0].name=regcred'`,
      );
      await operator.type('kubectl rollout status deployment/web --timeout=60s');
    });

    test('what it holds outlives its pod', async () => {
      await kubectl('delete pod --selector app.kubernetes.io/name=berth --now');
      await kubectl('rollout status deployment/berth --timeout=110s');
      assert.match(await clone.type('./berth repository list ithome'), /ithome\/netutils/);
    });

    test('the cluster is disconnected from it, once its agent has come back', async () => {
      await becomes('connected again', ({ state }) => state === 'connected');
      await clone.type(`./berth cluster disconnect ${clusterName} --yes`);
      assert.deepEqual(JSON.parse(await clone.type('./berth cluster list --json')), []);
    });

    async function becomes(what: string, until: (status: ClusterStatus) => boolean) {
      const status = async (): Promise<ClusterStatus> =>
        JSON.parse(await clone.type(`./berth cluster status ${clusterName} --json`));
      await waitFor(status, { what: `the cluster to be ${what}`, until, limit: 120_000 });
    }
  });
}

function deployment(name: string): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: 'main', image }],
          imagePullSecrets: [{ name: 'regcred' }],
        },
      },
    },
  });
}
