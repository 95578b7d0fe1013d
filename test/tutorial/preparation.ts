import { quoted } from '#test/terminal.ts';
import type { Scene } from './scene.ts';

/*
 * What a section builds upon, when those before it are not run: each step is the operator's own,
 * and changes nothing where it has been done.
 */

/** The workstation and the nodes trust Berth, and the operator is signed in there. */
export async function trustEverywhere(scene: Scene): Promise<void> {
  const { registry, fingerprint, clone } = scene;
  await Promise.all([
    clone.type(`./berth trust ${registry} --fingerprint ${fingerprint}`),
    scene.trustOnNodes(),
  ]);
  await signInWithBerth(scene);
}

export async function signInWithBerth({ registry, fingerprint, admin, clone }: Scene) {
  await clone.type(
    `./berth login ${registry} --username ${admin.username} --password-stdin --fingerprint ${fingerprint}`,
    { input: admin.password },
  );
}

/** The image that the tutorial deploys, in a project that it makes private. */
export function netutils({ registry }: Scene, tag = 'latest'): string {
  return `${registry}/ithome/netutils:${tag}`;
}

/** docker is signed in, and the cluster has the Secret `regcred` of that. */
export async function haveSecret({ registry, workstation, admin }: Scene): Promise<void> {
  const { username, password } = admin;
  await workstation.type(
    `echo ${quoted(password)} | docker login --username ${username} --password-stdin https://${registry}`,
  );
  await workstation.type(
    'kubectl get secret regcred || kubectl create secret generic regcred --from-file=.dockerconfigjson=$HOME/.docker/config.json --type=kubernetes.io/dockerconfigjson',
  );
}

/** Known to Berth, and without any right. */
export const stranger = { username: 'sam', password: 'sam-only-looks-on' };

export async function addStranger({ clone }: Scene): Promise<void> {
  const { username, password } = stranger;
  await clone.type(
    `./berth user list | grep -w ${username} || echo ${password} | ./berth user add ${username} --password-stdin`,
  );
}

export const wrongPassword = 'not-the-password-of-admin';

/** What Berth says of a wrong password, wherever it is read. */
export function wrongPasswordOf(username: string): string {
  return `The user name ${username} or its password is wrong: check both; a system admin can set a new password with berth user password ${username}.`;
}
