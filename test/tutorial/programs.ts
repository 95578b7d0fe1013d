import { ensureDebianPackages, ensureTools, recipes } from '#test/tools/index.ts';
import { busyboxImage, type Docker } from '../cluster/index.ts';

/** The releases of Helm that the tutorial is gone through with. */
export type HelmVersion = '3.3' | '3.22' | '4.3';

export async function ensureTutorialTools(): Promise<void> {
  await ensureDebianPackages(['ca-certificates', 'curl', 'openssl', 'bsdutils', 'sudo']);
  await ensureTools(recipes.clients);
  await ensureTools(recipes['helm-3.3']);
}

export async function helmProgram(version: HelmVersion): Promise<string> {
  if (version === '3.3') return (await ensureTools(recipes['helm-3.3'])).helm33;
  const { helm3, helm4 } = await ensureTools(recipes.clients);
  return version === '3.22' ? helm3 : helm4;
}

/** What the operator has built, or had, before the tutorial begins. */
export async function loadImages(docker: Docker): Promise<void> {
  await docker.load(await busyboxImage('netutils:latest'));
  await docker.load(await busyboxImage('web:1.27', { command: webServer }));
}

/** What `helm create` expects of its image: an answer on port 80. It ends when it is told to. */
const webServer = [
  'sh',
  '-c',
  'mkdir -p /www && echo hello >/www/index.html; trap exit TERM; httpd -f -h /www & wait',
];
