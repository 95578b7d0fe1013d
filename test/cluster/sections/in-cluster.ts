import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cluster as ClusterStatus } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { quoted, type Terminal } from '#test/terminal.ts';
import type { Bed } from '../bed.ts';
import { busyboxImage } from '../index.ts';
import {
  insideName,
  insideNamespace,
  packageForOperator,
  pageCommands,
  prepareInside,
  readStart,
  removeInside,
  type Start,
  secondClone,
  trustOutside,
  typed,
} from '../inside.ts';
import { described, running } from '../pods.ts';

const clusterName = 'home';
const image = `${insideName}/ithome/netutils:latest`;

export function inClusterSection(bed: () => Bed): void {
  describe('Berth in the cluster', () => {
    const inNamespace = (command: string) =>
      bed().operator.type(`kubectl --namespace ${insideNamespace} ${command}`);
    let commands: readonly string[];
    let start: Start;
    let clone: Terminal;

    /** Types those commands of the page that begin so, in their order; returns what they say. */
    async function follow(...beginnings: readonly string[]): Promise<string> {
      const chosen = commands.filter((command) =>
        beginnings.some((beginning) => command.startsWith(beginning)),
      );
      assert(chosen.length > 0);
      let said = '';
      for (const command of chosen) {
        const terminal = command.includes('./berth') ? clone : bed().operator;
        said += await terminal.type(typed(command, bed(), start));
      }
      return said;
    }

    before(async () => {
      commands = await pageCommands();
      clone = await secondClone(bed());
      await packageForOperator(bed());
      await trustOutside(bed());
      await prepareInside(bed());
    });
    after(async () => {
      await bed().operator.type('kubectl delete deployments,pods,secrets --all --now');
      await bed().operator.type('helm uninstall web --ignore-not-found');
      await removeInside(bed());
    });

    test('its image and chart are pushed to a registry outside', async () => {
      await follow('docker', 'helm push');
    });

    test('Helm installs it from there, where pods are restricted', async () => {
      assert.match(await follow('helm install'), /^STATUS: deployed$/m);
      start = readStart(await follow('kubectl'));
    });

    test('kubectl exec runs its commands', async () => {
      const said = await inNamespace('exec deployment/berth -- berth version');
      assert.match(said, /^berth \d/m);
    });

    test('what Helm would apply is the same each time, and an upgrade restarts nothing', async () => {
      const { operator } = bed();
      const install = commands.find((command) => command.startsWith('helm install')) ?? '';
      const again = (verb: string) => {
        const command = typed(install.replace('install', verb), bed());
        return operator.type(command.replace(' --create-namespace', ''));
      };
      assert.equal(await again('template'), await again('template'));
      const generation = () =>
        inNamespace("get deployment berth --output=jsonpath='{.metadata.generation}'");
      const before = await generation();
      await again('upgrade');
      assert.equal(await generation(), before);
    });

    test('people sign in and push to it by its name', async () => {
      const { operator, cluster, docker } = bed();
      const [host = ''] = insideName.split(':');
      await operator.host.resolve({ [host]: cluster.nodes[0]?.host.address ?? '' });
      await follow('./berth trust', 'echo');
      await operator.type(
        `echo ${quoted(start.password)} | docker login --username admin --password-stdin ${insideName}`,
      );
      await docker.load(await busyboxImage(image));
      assert.match(await operator.type(`docker push ${image}`), /^latest: digest: sha256:/m);
    });

    test('the nodes cannot resolve its name', async () => {
      const { operator } = bed();
      await operator.type(`kubectl run lost --image=${image}`);
      await described(operator, 'lost', /lookup inside\.berth\.test on [\d.]+:53: no such host/);
      await operator.type('kubectl delete pod lost --now');
    });

    test('the cluster is connected to it by addresses of nodes', async () => {
      const said = await follow('./berth cluster connect');
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

    test('pods pull with a Secret made by hand', async () => {
      const { operator } = bed();
      await operator.type(
        `kubectl create secret docker-registry regcred --docker-server=${insideName} --docker-username=admin --docker-password=${quoted(start.password)}`,
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

    test('what it holds outlives its pod, and the agent comes back to it', async () => {
      await inNamespace('delete pod --selector app.kubernetes.io/name=berth --now');
      await inNamespace('rollout status deployment/berth --timeout=110s');
      assert.match(await clone.type('./berth repository list ithome'), /ithome\/netutils/);
      await becomesRight();
    });

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
