import { quoted } from '#test/terminal.ts';
import { type Bed, registry } from './bed.ts';

/*
 * What a section builds upon, when those before it are not run: each step is the operator's own,
 * and changes nothing where it has been done.
 */

/** Both machines trust Berth, and the operator is signed in there. */
export async function trustEverywhere({ clone, nodeClone, berth }: Bed): Promise<void> {
  const trust = `./berth trust ${registry} --fingerprint ${berth.fingerprint}`;
  await Promise.all([clone.type(trust), nodeClone.type(trust)]);
  await signInWithBerth({ clone, berth });
}

export async function signInWithBerth({ clone, berth }: Pick<Bed, 'clone' | 'berth'>) {
  const { username, password } = berth.admin;
  await clone.type(
    `./berth login ${registry} --username ${username} --password-stdin --fingerprint ${berth.fingerprint}`,
    { input: password },
  );
}

/** docker is signed in, and the cluster has the Secret `regcred` of that. */
export async function haveSecret({ workstation, berth }: Bed): Promise<void> {
  const { username, password } = berth.admin;
  await workstation.type(
    `echo ${quoted(password)} | docker login --username ${username} --password-stdin https://${registry}`,
  );
  await workstation.type(
    'kubectl get secret regcred || kubectl create secret generic regcred --from-file=.dockerconfigjson=$HOME/.docker/config.json --type=kubernetes.io/dockerconfigjson',
  );
}

/** Known to Berth, and without any right. */
export const stranger = { username: 'sam', password: 'sam-only-looks-on' };

export async function addStranger({ clone }: Bed): Promise<void> {
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
