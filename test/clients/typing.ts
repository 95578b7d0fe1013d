import { join } from 'node:path';
import type { Host, HostRunOptions } from '#test/hosts.ts';
import { type Finished, lastLines } from '#test/processes.ts';
import { type Bed, folderOf, type Person } from './bed.ts';

/** Types commands on the workstation, each person with configuration files of their own. */
export interface Typist {
  /** The standard output of a script of which every command must succeed. */
  succeeds(person: Person, script: string, options?: HostRunOptions): Promise<string>;
  /** All that a script printed which must fail. */
  fails(person: Person, script: string, options?: HostRunOptions): Promise<string>;
}

const limit = 180_000;

/** In every script, NAME and PASSWORD are the person's, and REGISTRY is Berth's name. */
export function typistOf({ workstation, people, berth }: Bed, host = workstation): Typist {
  async function type(person: Person, script: string, options: HostRunOptions): Promise<Finished> {
    const credentials = person === 'nobody' ? undefined : people[person];
    return host.run('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
      limit,
      ...options,
      env: {
        ...configurationOf(host, person),
        REGISTRY: berth.name,
        ...(credentials && { NAME: credentials.username, PASSWORD: credentials.password }),
        ...options.env,
      },
    });
  }

  return {
    async succeeds(person, script, options = {}) {
      const { code, stdout, stderr } = await type(person, script, options);
      if (code === 0) return stdout;
      throw new Error(`${person} typed: ${script}\n${lastLines(stdout + stderr)}`);
    },
    async fails(person, script, options = {}) {
      const { code, stdout, stderr } = await type(person, script, options);
      if (code !== 0) return stdout + stderr;
      throw new Error(`This should have failed, ${person} typed: ${script}\n${lastLines(stdout)}`);
    },
  };
}

function configurationOf(host: Host, person: Person) {
  const folder = folderOf(host, person);
  return {
    DOCKER_CONFIG: folder,
    REGISTRY_AUTH_FILE: join(folder, 'containers.json'),
    REGCTL_CONFIG: join(folder, 'regctl.json'),
    HELM_CONFIG_HOME: join(folder, 'helm'),
    HELM_CACHE_HOME: join(folder, 'helm-cache'),
    HELM_DATA_HOME: join(folder, 'helm-data'),
  };
}
