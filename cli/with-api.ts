import { type Api, apiOf } from './api.ts';
import type { Environment } from './environment.ts';
import { currentSession } from './sessions.ts';

/** Runs `use` against the server that the caller is signed in to. */
export async function withApi<Result>(
  environment: Environment,
  use: (api: Api) => Promise<Result>,
): Promise<Result> {
  const api = apiOf(await currentSession(environment));
  try {
    return await use(api);
  } finally {
    api.close();
  }
}
