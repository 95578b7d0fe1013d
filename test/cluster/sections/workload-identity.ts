import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { generateKeyPair, SignJWT } from 'jose';
import type { ConnectionOffer, ClusterNode as NodeState } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type Bed, clusterName, privateProject, publicProject, registry } from '../bed.ts';
import { kubeletFlags } from '../node.ts';
import { described, running } from '../pods.ts';
import { haveConnected } from '../preparation.ts';

const granted = 'identity';
const stranger = 'identity-stranger';
const ownFolder = '/var/lib/berth-node/credential-provider';
const issuer = 'https://kubernetes.default.svc.cluster.local';

export function workloadIdentitySection(bed: () => Bed): void {
  describe('workload identity', () => {
    let flagsBefore: string;

    before(async () => {
      await haveConnected(bed());
      flagsBefore = await readFile(flagsFile(0), 'utf8');
      for (const namespace of [granted, stranger]) {
        await bed().operator.type(`kubectl create namespace ${namespace}`);
      }
    });

    const flagsFile = (index: number) =>
      bed().cluster.nodes[index]?.host.file(kubeletFlags) ?? assert.fail('no such node');
    const berth = (command: string) => bed().clone.type(`./berth cluster ${command}`);

    async function nodesAre(until: (node: NodeState) => boolean, what: string): Promise<void> {
      // A node with a problem has the command fail, with the same answer.
      const read = async () =>
        JSON.parse(
          await bed().operator.host.shell(
            `cd '${repositoryRoot}' && ./berth cluster nodes ${clusterName} --json || true`,
          ),
        ) as NodeState[];
      await waitFor(read, {
        what,
        until: (nodes) => nodes.length === bed().cluster.nodes.length && nodes.every(until),
        limit: 90_000,
      });
    }

    async function restartKubelets(): Promise<void> {
      for (const node of bed().cluster.nodes) await node.restartKubelet();
    }

    /** A pod of an image that no node has. */
    async function runs(name: string, namespace: string): Promise<void> {
      const image = await bed().push(`${privateProject}/${name}:1`);
      await bed().operator.type(`kubectl run ${name} --namespace ${namespace} --image=${image}`);
    }

    function tokenFor(namespace: string, flags = `--audience ${registry}`): Promise<string> {
      return bed().operator.type(`kubectl create token default --namespace ${namespace} ${flags}`);
    }

    /** As a node's containerd asks; the status line and the answer. */
    function ask(token: string): Promise<string> {
      const scope = `repository:${privateProject}/app:pull`;
      return bed().operator.type(
        `curl -siS --cacert <(curl -fsSk https://${registry}/ca.crt) https://${registry}/service/token --data-urlencode grant_type=password --data-urlencode service=harbor-registry --data-urlencode scope=${scope} --data-urlencode username=jwt --data-urlencode password@-`,
        { input: token.trim() },
      );
    }

    test('is set up on every node when told to, and waits for the kubelets alone', async () => {
      await berth(`set ${clusterName} --credential-provider configure --no-pull-secrets`);
      await nodesAre(
        ({ credentialProvider: { problem } }) =>
          problem?.cure.includes('systemctl restart kubelet') ?? false,
        'every node to ask for its kubelet to be started anew',
      );
      assert.match(await readFile(flagsFile(0), 'utf8'), /--image-credential-provider-config=/);
      await restartKubelets();
      await nodesAre(
        ({ credentialProvider: { state } }) => state === 'active',
        'the credential provider of every node to be active',
      );
    });

    test('pulls a private image on every node with no Secret anywhere', async () => {
      await berth(`grant ${clusterName} --namespace ${granted} --project ${privateProject}`);
      const image = await bed().push(`${privateProject}/unsecret:1`);
      for (const { name } of bed().cluster.nodes) {
        await bed().operator.type(
          `kubectl run ${name} --namespace ${granted} --image=${image} --overrides='{"spec":{"nodeName":"${name}"}}'`,
        );
      }
      await running(bed().operator, `--namespace ${granted}`, bed().cluster.nodes.length);
      assert.match(
        await bed().operator.type(`kubectl get secrets --namespace ${granted}`),
        /No resources found/,
      );
      assert.equal(
        await bed().operator.type(
          `kubectl get pods,serviceaccounts --namespace ${granted} --output=jsonpath='{.items[*]..imagePullSecrets}'`,
        ),
        '',
      );
    });

    test('tells in kubectl describe pod who lacks what, and the command that grants it', async () => {
      const { operator, clone } = bed();
      await runs('lacking', stranger);
      const who = `workload ${clusterName}/${stranger}/default has no pull on ${privateProject}/lacking`;
      const command = `berth cluster grant ${clusterName} --namespace ${stranger} --project ${privateProject}`;
      await described(
        operator,
        `lacking --namespace ${stranger}`,
        `${who}: an admin of ${privateProject} can run ${command}`,
      );
      await clone.type(`./${command}`);
      await runs('granted', stranger);
      await running(operator, `granted --namespace ${stranger}`, 1);
      await clone.type(
        `./berth cluster grants ${clusterName} --json | grep -B3 -A3 '"${stranger}"' >/dev/null`,
      );
      await operator.type(`kubectl delete pods --all --now --namespace ${stranger}`);
      const grants = (await bed().berthJson(`cluster grants ${clusterName}`)) as {
        id: number;
        selector: { name?: string };
      }[];
      const grant = grants.find(({ selector }) => selector.name === stranger);
      await clone.type(`./berth cluster revoke ${clusterName} ${grant?.id}`);
    });

    test('leaves public images to everybody, pods without a grant included', async () => {
      const image = await bed().push(`${publicProject}/unsecret:1`);
      await bed().operator.type(`kubectl run public --namespace ${stranger} --image=${image}`);
      await running(bed().operator, `public --namespace ${stranger}`, 1);
    });

    test('refuses the tokens of another audience and of another cluster, in words', async () => {
      assert.match(await ask(await tokenFor(granted)), /^HTTP\/1\.1 200 /);
      assert.match(
        await ask(await tokenFor(granted, '--audience elsewhere')),
        /^HTTP\/1\.1 401 The token of bed\/identity\/default is for 'elsewhere', not for registry/,
      );
      const { privateKey } = await generateKeyPair('RS256');
      const other = await new SignJWT({ sub: `system:serviceaccount:${granted}:default` })
        .setProtectedHeader({ alg: 'RS256', kid: 'other' })
        .setIssuer(issuer)
        .setAudience(registry)
        .setExpirationTime('1h')
        .sign(privateKey);
      assert.match(await ask(other), /^HTTP\/1\.1 401 .* key of no cluster that is connected here/);
    });

    test('tells in kubectl describe pod why a token is refused', async () => {
      const { operator } = bed();
      const token = (await tokenFor(stranger, '--audience elsewhere')).trim();
      await operator.type(
        `kubectl create secret docker-registry odd --namespace ${stranger} --docker-server=${registry} --docker-username=jwt --docker-password=${token}`,
      );
      const image = await bed().push(`${privateProject}/odd:1`);
      await operator.type(
        `kubectl run odd --namespace ${stranger} --image=${image} --overrides='{"spec":{"imagePullSecrets":[{"name":"odd"}]}}'`,
      );
      await described(
        operator,
        `odd --namespace ${stranger}`,
        `The token of ${clusterName}/${stranger}/default is for 'elsewhere', not for ${registry}`,
      );
    });

    test('refuses the token of a deleted pod, where the cluster is asked', async () => {
      const { operator } = bed();
      await berth(`set ${clusterName} --review-tokens`);
      await runs('brief', granted);
      await described(
        operator,
        `brief --namespace ${granted}`,
        `Cluster ${clusterName} is to be asked about each token, and its agent may not ask: run berth cluster connect ${clusterName}`,
      );
      const offer = (await bed().berthJson(`cluster connect ${clusterName}`)) as ConnectionOffer;
      await operator.type(offer.commands.kubectl);
      await running(operator, `brief --namespace ${granted}`, 1);
      const token = await tokenFor(
        granted,
        `--audience ${registry} --bound-object-kind Pod --bound-object-name brief`,
      );
      await operator.type(`kubectl delete pod brief --now --namespace ${granted}`);
      await waitFor(() => ask(token), {
        what: 'the token to be refused',
        until: (answer) =>
          /^HTTP\/1\.1 401 Cluster bed does not know the token of bed\/identity\/default any more/.test(
            answer,
          ),
      });
    });

    test('pulls nothing private while the cluster is to be asked and does not answer', async () => {
      const { operator } = bed();
      await operator.type('kubectl scale deployment berth-agent --namespace berth --replicas=0');
      await runs('unanswered', granted);
      await described(
        operator,
        `unanswered --namespace ${granted}`,
        `Cluster ${clusterName} is to be asked about each token, and its agent does not answer`,
      );
      await operator.type('kubectl scale deployment berth-agent --namespace berth --replicas=1');
      await berth(`set ${clusterName} --no-review-tokens`);
      await running(operator, `unanswered --namespace ${granted}`, 1);
    });

    test('is taken away without a kubelet that does not start', async () => {
      await haveConnected(bed());
      await berth(`set ${clusterName} --credential-provider off`);
      await nodesAre(
        ({ credentialProvider: { state } }) => state === 'inert',
        'the provider of every node to be inert',
      );
      assert.equal(await readFile(flagsFile(0), 'utf8'), flagsBefore);
      const image = await bed().push(`${publicProject}/inert:1`);
      await bed().operator.type(`kubectl run inert --namespace ${granted} --image=${image}`);
      await running(bed().operator, `inert --namespace ${granted}`, 1);
      await restartKubelets();
      await nodesAre(
        ({ credentialProvider: { state } }) => state === 'off',
        'the provider of every node to be gone',
      );
      for (const { host } of bed().cluster.nodes)
        await assert.rejects(access(host.file(ownFolder)));
      await berth(`set ${clusterName} --pull-secrets --credential-provider install`);
      await bed().operator.type(`kubectl delete namespace ${granted} ${stranger}`);
    });
  });
}
