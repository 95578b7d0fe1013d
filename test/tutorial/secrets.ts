import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { quoted } from '#test/terminal.ts';
import {
  addStranger,
  netutils,
  stranger,
  trustEverywhere,
  wrongPassword,
  wrongPasswordOf,
} from './preparation.ts';
import type { Scene } from './scene.ts';

export function secretsSection(scene: () => Scene): void {
  describe('B. Signing in, and the Secret', () => {
    const passwordOption = () => `--password ${quoted(scene().admin.password)}`;

    before(async () => {
      const { registry, workstation } = scene();
      await trustEverywhere(scene());
      await workstation.type(`docker logout ${registry}`);
      await workstation.type(`docker tag netutils:latest ${netutils(scene())}`);
    });

    test('1. docker login, with the scheme in front and the password on the line', async () => {
      const { registry, workstation } = scene();
      const said = await workstation.type(
        `docker login --username admin ${passwordOption()} https://${registry}`,
      );
      assert.match(said, /^Login Succeeded$/m);
      assert.deepEqual(Object.keys(await authsOf(scene())), [registry]);
      await workstation.type(`docker logout https://${registry}`);
      assert.deepEqual(await authsOf(scene()), {});
    });

    test('1. docker login, with the password from standard input', async () => {
      const { registry, workstation, admin } = scene();
      const said = await workstation.type(
        `echo ${quoted(admin.password)} | docker login --username admin --password-stdin https://${registry}`,
      );
      assert.match(said, /^Login Succeeded$/m);
      const auth = Buffer.from(`admin:${admin.password}`).toString('base64');
      assert.deepEqual(await authsOf(scene()), { [registry]: { auth } });
    });

    test('1. docker login with a wrong password shows what Berth says of it', async () => {
      const { registry, workstation } = scene();
      const said = await workstation.fails(
        `HOME=$(mktemp -d) docker login --username admin --password ${wrongPassword} https://${registry}`,
      );
      assert.ok(said.includes(wrongPasswordOf('admin')), said);
    });

    test('2. kubectl create secret generic, from the file that docker wrote', async () => {
      const said = await scene().workstation.type(
        'kubectl create secret generic regcred --from-file=.dockerconfigjson=$HOME/.docker/config.json --type=kubernetes.io/dockerconfigjson',
      );
      assert.equal(said, 'secret/regcred created\n');
    });

    test('3. the same as YAML', async () => {
      const { workstation } = scene();
      await workstation.type(`cat >myregistrykey.yaml <<EOF
apiVersion: v1
kind: Secret
metadata:
  name: myregistrykey
data:
  .dockerconfigjson: $(base64 -w0 $HOME/.docker/config.json)
type: kubernetes.io/dockerconfigjson
EOF`);
      const said = await workstation.type('kubectl apply -f myregistrykey.yaml');
      assert.equal(said, 'secret/myregistrykey created\n');
    });

    test('4. kubectl create secret docker-registry', async () => {
      const { registry, workstation, admin } = scene();
      const said = await workstation.type(
        `kubectl create secret docker-registry regcred2 --docker-server=${registry} --docker-username=admin --docker-password=${quoted(admin.password)}`,
      );
      assert.equal(said, 'secret/regcred2 created\n');
    });

    test('5. what the cluster holds is the file', async () => {
      const { workstation } = scene();
      const file = await workstation.type('cat $HOME/.docker/config.json');
      for (const secret of ['regcred', 'myregistrykey']) {
        const held = await workstation.type(
          `kubectl get secret ${secret} --output="jsonpath={.data.\\.dockerconfigjson}" | base64 --decode`,
        );
        assert.equal(held, file);
      }
    });
  });

  checkDescription(scene);
}

/** `berth secret check`: each way to get a pull secret wrong, and the cure that it tells. */
function checkDescription(scene: () => Scene): void {
  describe('B. berth secret check', () => {
    const check = (secret: string) => `./berth secret check ${secret} --namespace default`;

    before(async () => {
      const { workstation } = scene();
      await workstation.type(`docker push ${netutils(scene())}`);
      await addStranger(scene());
    });

    test('says that a Secret serves the image of the workload that uses it', async () => {
      const { registry, clone } = scene();
      const image = netutils(scene());
      await use(scene(), 'regcred');
      assert.equal(
        await clone.type(check('regcred')),
        lines(
          `ok  Secret regcred: Type, key and JSON are right; it has credentials for ${registry}.`,
          `ok  ${image}: The entry for ${registry} serves it.`,
          `ok  admin at ${registry}: The sign-in works.`,
          `ok  ${image}: admin may pull it.`,
        ),
      );
      for (const secret of ['myregistrykey', 'regcred2']) {
        await use(scene(), secret);
        await clone.type(check(secret));
      }
    });

    test('finds that there is no such Secret, and makes one', async () => {
      const { clone } = scene();
      await use(scene(), 'absent');
      const found = await clone.fails(check('absent'));
      assert.match(
        found,
        /^failed {2}Secret absent: There is no Secret absent in the namespace default/m,
      );
      await cure(scene(), found, 'absent');
    });

    test('finds a wrong type', async () => {
      const { workstation, clone } = scene();
      await workstation.type(
        'kubectl create secret generic wrong-type --from-file=.dockerconfigjson=$HOME/.docker/config.json',
      );
      const found = await clone.fails(check('wrong-type'));
      assert.match(found, /^failed {2}Secret wrong-type: The Secret has the type "Opaque"/m);
      await replace(scene(), found, 'wrong-type');
    });

    test('finds a wrong key, which an API server lets pass with a wrong type only', async () => {
      const { workstation, clone } = scene();
      const command =
        'kubectl create secret generic wrong-key --from-file=config.json=$HOME/.docker/config.json';
      const refused = await workstation.fails(`${command} --type=kubernetes.io/dockerconfigjson`);
      assert.match(refused, /data\[\.dockerconfigjson\]: Required value/);
      await workstation.type(command);
      const found = await clone.fails(check('wrong-key'));
      assert.match(found, /^failed {2}Secret wrong-key: The Secret has the type "Opaque"/m);
      await replace(scene(), found, 'wrong-key');
    });

    test('finds JSON that a kubelet cannot read', async () => {
      const { registry, workstation, clone } = scene();
      const refused = await workstation.fails(
        `kubectl create secret generic broken --from-literal=.dockerconfigjson='{"auths":' --type=kubernetes.io/dockerconfigjson`,
      );
      assert.match(refused, /data\[\.dockerconfigjson\]: Invalid value/);
      await workstation.type(
        `kubectl create secret generic broken --from-literal=.dockerconfigjson='{"auths":{"${registry}":{"auth":"not base64"}}}' --type=kubernetes.io/dockerconfigjson`,
      );
      const found = await clone.fails(check('broken'));
      assert.ok(
        found.includes(`failed  Secret broken: The entry "${registry}" cannot be read`),
        found,
      );
      await replace(scene(), found, 'broken');
    });

    test('finds a host with another port than the image, and makes a Secret that fits', async () => {
      const { registry, workstation, clone, admin } = scene();
      const other = `${registry.split(':')[0]}:5000`;
      await workstation.type(
        `kubectl create secret docker-registry other-port --docker-server=${other} --docker-username=admin --docker-password=${quoted(admin.password)}`,
      );
      await use(scene(), 'other-port');
      const found = await clone.fails(check('other-port'));
      assert.ok(
        found.includes(
          `failed  ${netutils(scene())}: No entry of the Secret is for ${registry}: ${other} has another port`,
        ),
        found,
      );
      await cure(scene(), found, 'other-port');
    });

    test('finds a wrong password, as Berth says it', async () => {
      const { registry, workstation, clone } = scene();
      await workstation.type(
        `kubectl create secret docker-registry wrong-password --docker-server=${registry} --docker-username=admin --docker-password=${wrongPassword}`,
      );
      await use(scene(), 'wrong-password');
      const found = await clone.fails(check('wrong-password'));
      assert.ok(found.includes(`failed  admin at ${registry}: `), found);
      assert.ok(found.includes(wrongPasswordOf('admin')), found);
      await clone.type('./berth secret create wrong-password --namespace default --replace');
      await clone.type(check('wrong-password'));
    });

    test('finds that the user may not pull, and the command that it tells cures that', async () => {
      const { registry, workstation, clone } = scene();
      await workstation.type(
        `kubectl create secret docker-registry stranger --docker-server=${registry} --docker-username=${stranger.username} --docker-password=${stranger.password}`,
      );
      await use(scene(), 'stranger');
      const found = await clone.fails(check('stranger'));
      const command = 'berth member add ithome sam --role limited-guest';
      assert.ok(found.includes(`ok  sam at ${registry}: The sign-in works.`), found);
      assert.ok(
        found.includes(
          `failed  ${netutils(scene())}: user sam has no pull on ithome/netutils: an admin of ithome can run ${command}.`,
        ),
        found,
      );
      await clone.type(`./${command}`);
      await clone.type(check('stranger'));
      await clone.type('./berth member remove ithome sam');
    });

    test('finds that the image is not there', async () => {
      const { workstation, clone } = scene();
      const missing = netutils(scene(), 'missing');
      await workstation.type(`kubectl set image deployment/user-of-regcred main=${missing}`);
      const found = await clone.fails(check('regcred'));
      assert.ok(found.includes(`failed  ${missing}: There is no such image: `), found);
      await workstation.type('kubectl delete deployment --all --now');
    });
  });
}

async function authsOf({ workstation }: Scene): Promise<Record<string, unknown>> {
  return JSON.parse(await workstation.type('cat $HOME/.docker/config.json')).auths;
}

/** A Deployment that would pull with the Secret: it needs no pods to be looked at. */
async function use(scene: Scene, secret: string): Promise<void> {
  const image = netutils(scene);
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `user-of-${secret}` },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: secret } },
      template: {
        metadata: { labels: { app: secret } },
        spec: { containers: [{ name: 'main', image }], imagePullSecrets: [{ name: secret }] },
      },
    },
  };
  await scene.workstation.type('kubectl apply -f -', { input: JSON.stringify(deployment) });
}

/** Types the command that the check named, and checks again. */
async function cure({ clone }: Scene, found: string, secret: string): Promise<void> {
  const command = /^ +→ (berth secret create .+)$/m.exec(found)?.[1];
  assert.ok(command, found);
  await clone.type(`./${command}`);
  await clone.type(`./berth secret check ${secret} --namespace default`);
}

/** Does as the check said where no single command mends it. */
async function replace(
  { workstation, clone }: Scene,
  found: string,
  secret: string,
): Promise<void> {
  assert.match(found, /delete the Secret and create it again with `berth secret create`/);
  await workstation.type(`kubectl delete secret ${secret}`);
  await clone.type(`./berth secret create ${secret} --namespace default`);
  await clone.type(`./berth secret check ${secret} --namespace default`);
}

function lines(...each: readonly string[]): string {
  return each.map((line) => `${line}\n`).join('');
}
