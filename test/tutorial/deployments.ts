import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { described, podOf, running } from '../cluster/pods.ts';
import {
  addStranger,
  haveSecret,
  netutils,
  stranger,
  trustEverywhere,
  wrongPassword,
  wrongPasswordOf,
} from './preparation.ts';
import type { Scene } from './scene.ts';

const noCredentials =
  'an anonymous caller has no pull on ithome/netutils: sign in, or check that the pull secret names this host and port';
const noRight =
  'user sam has no pull on ithome/netutils: an admin of ithome can run berth member add ithome sam --role limited-guest';

export function deploymentsSection(scene: () => Scene): void {
  describe('C. Deployments', () => {
    before(async () => {
      const { workstation } = scene();
      await trustEverywhere(scene());
      await addStranger(scene());
      await haveSecret(scene());
      await workstation.type(
        'kubectl get secret myregistrykey || kubectl create secret generic myregistrykey --from-file=.dockerconfigjson=$HOME/.docker/config.json --type=kubernetes.io/dockerconfigjson',
      );
    });

    test('6. docker tag, docker push: the project that it makes is private', async () => {
      const { workstation, clone } = scene();
      const image = netutils(scene());
      await workstation.type(`docker tag netutils:latest ${image}`);
      assert.match(await workstation.type(`docker push ${image}`), /^latest: digest: sha256:/m);
      assert.match(await clone.type('./berth project show ithome'), /^Visibility +private$/m);
    });

    test('7. two Deployments of three replicas each: all six pods run', async () => {
      const { workstation } = scene();
      for (const [name, secret] of [
        ['netutils', 'regcred'],
        ['netutils2', 'myregistrykey'],
      ] as const) {
        const text = deployment(name, netutils(scene()), secret);
        await workstation.type(typedFile(`${name}.yaml`, text));
      }
      await workstation.type('kubectl apply -f netutils.yaml -f netutils2.yaml');
      await workstation.type('kubectl rollout status deployment/netutils --timeout=40s');
      await workstation.type('kubectl rollout status deployment/netutils2 --timeout=40s');
      await running(workstation, '--selector app=netutils', 3);
      await running(workstation, '--selector app=netutils2', 3);
    });

    describe('7, 8. what does not pull says why, in kubectl describe pod', () => {
      before(async () => {
        const { registry, workstation } = scene();
        const image = netutils(scene());
        const server = `--docker-server=${registry}`;
        await workstation.type(
          `kubectl create secret docker-registry mistyped ${server} --docker-username=admin --docker-password=${wrongPassword}`,
        );
        await workstation.type(
          `kubectl create secret docker-registry rightless ${server} --docker-username=${stranger.username} --docker-password=${stranger.password}`,
        );
        const deployments = [
          deployment('without', image),
          deployment('mistyped', image, 'mistyped'),
          deployment('rightless', image, 'rightless'),
          deployment('missing', netutils(scene(), 'missing'), 'regcred'),
        ];
        await workstation.type(typedFile('failing.yaml', deployments.join('---\n')));
        await workstation.type('kubectl apply -f failing.yaml');
      });

      test('no Secret', async () => {
        await saysWhy(scene(), 'without', refused(noCredentials));
      });

      test('a Secret of a user without the right', async () => {
        await saysWhy(scene(), 'rightless', refused(noRight));
      });

      test('a Secret with a wrong password', async () => {
        await saysWhy(scene(), 'mistyped', `401 ${wrongPasswordOf('admin')}`);
      });

      test('a tag that is not there', async () => {
        const missing = netutils(scene(), 'missing');
        const text = await saysWhy(scene(), 'missing', `${missing}: not found`);
        assert.doesNotMatch(text, /x509/);
      });

      test('none of their pods runs', async () => {
        const { type } = scene().workstation;
        await waitFor(
          () =>
            type(
              "kubectl get pods --selector 'app in (without, mistyped, rightless, missing)' --no-headers",
            ),
          {
            what: 'all twelve pods to be kept from running',
            until: (text) => {
              const lines = text.trim().split('\n');
              return (
                lines.length === 12 &&
                lines.every((line) => / 0\/1 +(ErrImagePull|ImagePullBackOff) /.test(line))
              );
            },
            limit: 60_000,
          },
        );
      });

      test('the command that the sentence names is the cure', async () => {
        const { workstation, clone } = scene();
        await clone.type('./berth member add ithome sam --role limited-guest');
        await workstation.type('kubectl rollout restart deployment/rightless');
        await workstation.type('kubectl rollout status deployment/rightless --timeout=40s');
        await clone.type('./berth member remove ithome sam');
        await workstation.type('kubectl delete deployments --all --now');
      });
    });
  });
}

/** containerd's own words around the sentence of the registry. */
function refused(sentence: string): string {
  return `pull access denied, repository does not exist or may require authorization: server message: ${sentence}: authorization failed`;
}

async function saysWhy({ workstation }: Scene, app: string, sentence: string): Promise<string> {
  return described(workstation, await podOf(workstation, app), sentence);
}

function deployment(name: string, image: string, secret?: string): string {
  const secrets = secret === undefined ? '' : `      imagePullSecrets: [{name: ${secret}}]\n`;
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 3
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      containers:
        - name: netutils
          image: ${image}
${secrets}`;
}

function typedFile(name: string, content: string): string {
  return `cat >${name} <<'EOF'\n${content}EOF`;
}
