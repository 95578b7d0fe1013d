import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { haveOwnClone } from '#test/clone.ts';
import { waitFor } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type Bed, registry } from '../bed.ts';
import { untilNoFileIsLeft, untilNoObjectIsLeft } from '../leftovers.ts';
import { allPass } from '../preparation.ts';

const page = readFileSync(join(repositoryRoot, 'docs/kubernetes.md'), 'utf8');
/** As the page calls the cluster. */
const name = 'production';
const [, port = ''] = registry.split(':');

export function formsSection(bed: () => Bed): void {
  describe('connecting the cluster in other forms', () => {
    /** Types a command that the page tells its reader to type, in the clone. */
    function follow(command: string): Promise<string> {
      assert.ok(page.includes(command), `docs/kubernetes.md does not say: ${command}`);
      return bed().clone.type(command);
    }

    async function leave(): Promise<void> {
      const said = await bed().clone.type(`./berth cluster disconnect ${name} --yes`);
      assert.match(said, /Nothing of Berth is left in it\./);
      await untilNoObjectIsLeft(bed());
      await untilNoFileIsLeft(bed());
    }

    before(() => haveOwnClone(bed().operator.host));
    after(() => bed().operator.host.shell(`umount '${repositoryRoot}'`));

    describe('air-gapped', () => {
      test('nodes that reach no registry run the agent from an archive', async () => {
        const { cluster, operator, clone } = bed();
        for (const { containerd } of cluster.nodes) {
          const images = (await containerd.ctr('images', 'list', '--quiet')).split('\n');
          const known = images.filter((image) => image.includes('/berth/agent'));
          if (known.length > 0) await containerd.ctr('images', 'remove', '--sync', ...known);
        }
        // The pods go on reaching it, as the agent has to.
        const cut = `OUTPUT --protocol tcp --dport ${port} --jump REJECT --reject-with tcp-reset`;
        const onNodes = (change: string) =>
          Promise.all(
            cluster.nodes.map(({ host }) => host.shell(`iptables --wait ${change} ${cut}`)),
          );
        await onNodes('--insert');
        await follow('kubectl get nodes -o json > nodes.json');
        await follow(
          `./berth cluster connect ${name} --form air-gapped --nodes nodes.json --output berth-agent.yaml`,
        );
        await follow('./berth cluster agent-image --output berth-agent.tar');
        // As if it were carried to the nodes.
        await clone.type('cp berth-agent.tar ~');
        const archive = join(operator.host.home, 'berth-agent.tar');
        for (const { containerd } of cluster.nodes) {
          assert.ok(page.includes('`ctr --namespace k8s.io images import berth-agent.tar`'));
          await containerd.ctr('images', 'import', archive);
        }
        await follow('kubectl apply -f berth-agent.yaml');
        await operator.type(
          'kubectl --namespace berth rollout status deployment/berth-agent --timeout=100s',
        );
        await onNodes('--delete');
      });

      test('every check passes', async () => {
        await allPass(bed(), name);
      });

      test('nothing is left of it', leave);
    });

    describe('by GitOps', () => {
      let handover: string;

      /** As Flux and Argo CD do it, and go on doing. */
      const managers = ['kustomize-controller', 'argocd-controller'];
      async function sync(): Promise<void> {
        for (const manager of managers) {
          await bed().clone.type(
            `kubectl apply --server-side --force-conflicts --field-manager ${manager} -f berth-agent.yaml`,
          );
        }
      }

      /** Fails where there is a difference. */
      async function differsInNothing(): Promise<void> {
        for (const options of ['', '--server-side --force-conflicts']) {
          const said = await bed().clone.type(`kubectl diff ${options} -f berth-agent.yaml`);
          assert.equal(said, '');
        }
      }

      test('the tool applies a file without a token, again and again', async () => {
        const said = await follow(
          `./berth cluster connect ${name} --form gitops --output berth-agent.yaml`,
        );
        handover = /^kubectl get nodes .*$/m.exec(said)?.[0] ?? '';
        assert.ok(handover, said);
        assert.doesNotMatch(await bed().clone.type('cat berth-agent.yaml'), /berth_connect_/);
        await sync();
        await sync();
        await differsInNothing();
      });

      test('one command brings the rest, and every check passes', async () => {
        await bed().operator.type(handover);
        await allPass(bed(), name);
      });

      test('nothing of what the agent changed is undone, and nothing restarted', async () => {
        const { operator, clone } = bed();
        await clone.type(`./berth cluster set ${name} --set-config-path`);
        await waitFor(
          () => operator.type('kubectl --namespace berth get configmap berth-node --output yaml'),
          {
            what: 'the agent to change what nodes are given',
            until: (text) => text.includes('set-config-path yes'),
          },
        );
        const was = await inNamespace(bed());
        await sync();
        await differsInNothing();
        assert.deepEqual(await inNamespace(bed()), was);
      });

      test('nothing is left of it', leave);

      test('what the tool then brings back goes with the file', async () => {
        const { clone } = bed();
        await sync();
        await clone.type('kubectl delete -f berth-agent.yaml');
        await untilNoObjectIsLeft(bed());
      });
    });

    describe('by Helm', () => {
      let printed: string;

      test('the chart that Berth holds is installed, and every check passes', async () => {
        const said = await follow(`./berth cluster connect ${name} --form helm`);
        printed = /^kubectl create namespace .*$/m.exec(said)?.[0] ?? '';
        assert.ok(printed, said);
        await bed().operator.type(printed);
        await allPass(bed(), name);
      });

      test('an upgrade with the values of before changes and restarts nothing', async () => {
        const was = await inNamespace(bed());
        const helm = /helm upgrade --install .*/.exec(printed)?.[0] ?? '';
        await bed().operator.type(helm.replace('--values -', '--reuse-values'));
        assert.deepEqual(await inNamespace(bed()), was);
        await allPass(bed(), name);
      });

      test('nothing is left of it, nor of its release', async () => {
        const { operator } = bed();
        await leave();
        const uninstall = 'helm uninstall berth-agent --namespace berth';
        assert.match(await operator.fails(uninstall), /release: not found/);
      });
    });
  });
}

/** What runs, what it was made from, and how often it began. */
async function inNamespace({ operator }: Bed): Promise<readonly string[]> {
  const columns = {
    KIND: '.kind',
    NAME: '.metadata.name',
    UID: '.metadata.uid',
    GENERATION: '.metadata.generation',
    DATA: '.data',
    RESTARTS: '.status.containerStatuses[*].restartCount',
  };
  const said = await operator.type(
    `kubectl get deployments,daemonsets,configmaps,pods --namespace berth --no-headers --output=custom-columns=${Object.entries(
      columns,
    )
      .map(([title, path]) => `${title}:${path}`)
      .join(',')}`,
  );
  return said.split('\n').filter((line) => !line.includes('berth-test-pull'));
}
