import { readFile } from 'node:fs/promises';
import type { DesiredState } from '#contract/agent.ts';
import { systemErrorCode } from '#lib/errors.ts';
import type { AgentEnvironment } from '../environment.ts';

/** Where the registry is reached, and whom to believe that it is the registry. */
export interface Registry {
  /** `https://host[:port]`, in the order in which they are tried. */
  addresses(): readonly string[];
  /** PEM of what may sign its certificate; undefined for what every machine trusts. */
  authorities(): Promise<string | undefined>;
  /** Takes over what the server says of itself. */
  learn(registry: DesiredState['registry']): void;
}

export function createRegistry(
  environment: Pick<AgentEnvironment, 'registry' | 'addresses' | 'authorities'>,
): Registry {
  const { registry: name, authorities: file } = environment;
  let addresses = environment.addresses;
  let announced: string | undefined;
  return {
    addresses: () => [...addresses, `https://${name}`],
    authorities: async () => {
      const mounted = file === undefined ? undefined : await readIfThere(file);
      const all = [mounted, announced].filter((text) => text !== undefined && text.trim() !== '');
      return all.length === 0 ? undefined : all.join('\n');
    },
    learn(registry) {
      addresses = registry.addresses;
      announced = registry.authorities;
    },
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
