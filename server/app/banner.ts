import { styleText } from 'node:util';
import type { Config } from '#server/config/config.ts';
import type { Started } from './serving.ts';

/** What a newcomer sees after the start: where the server is, how to sign in, what to do next. */
export function banner(config: Config, started: Started): string {
  const { port, firstPassword, authorityFingerprint: fingerprint } = started;
  const url = new URL(config.publicUrl);
  const host = url.host;
  const bold = (text: string) => styleText('bold', text);
  const lines = [
    `${bold('Berth')} serves ${bold(url.origin)} (port ${port}, data in ${config.dataFolder})`,
    '',
  ];
  const wanted = portOf(url);
  if (wanted !== port && wanted !== 0) {
    lines.push(
      `  port       clients come to ${wanted}: lead it to ${port}, or set BERTH_PORT=${wanted}`,
      '',
    );
  }
  if (firstPassword !== undefined) {
    lines.push(
      `  user       admin`,
      `  password   ${bold(firstPassword)}   shown only now; change it with ./berth user password admin`,
      '',
    );
  }
  if (fingerprint !== undefined) {
    lines.push(`  authority  ${fingerprint}`, '');
  }
  lines.push(
    'Next:',
    ...(fingerprint === undefined
      ? []
      : [`  sudo ./berth trust ${host} --fingerprint ${fingerprint}`]),
    `  ./berth login ${host} --username admin`,
    `  docker login --username admin ${host}`,
    `  docker tag IMAGE ${host}/library/IMAGE && docker push ${host}/library/IMAGE`,
    `  helm registry login --username admin ${host}`,
    `  helm push CHART.tgz oci://${host}/library`,
    // Nodes take a name of the loopback for their own.
    ...(isLoopback(url) ? [] : ['  ./berth cluster connect NAME']),
    '',
  );
  return `${lines.join('\n')}\n`;
}

function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80));
}

function isLoopback({ hostname }: URL): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}
