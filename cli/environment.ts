import { homedir, hostname } from 'node:os';
import { join } from 'node:path';

/** All that the command line takes from its surroundings besides its arguments. */
export interface Environment {
  /** BERTH_SERVER: the server to talk to, instead of the one last signed in to. */
  readonly server: string | undefined;
  /** BERTH_TOKEN: `NAME:TOKEN`, instead of the stored session. */
  readonly token: string | undefined;
  readonly configFolder: string;
  readonly hostname: string;
  /** PATH, as far as it is set. */
  readonly searchPath: string;
}

export function readEnvironment(): Environment {
  const { BERTH_SERVER, BERTH_TOKEN, XDG_CONFIG_HOME, PATH } = process.env;
  return {
    server: BERTH_SERVER || undefined,
    token: BERTH_TOKEN || undefined,
    configFolder: join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'berth'),
    hostname: hostname(),
    searchPath: PATH ?? '',
  };
}
