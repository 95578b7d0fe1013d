import { readFile } from 'node:fs/promises';
import { auditLog } from './control-plane.ts';
import type { Cluster } from './index.ts';

/** A request of a pod in the namespace `berth`, as the API server wrote it down when it ended. */
export interface ApiRequest {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code: number };
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string };
  readonly stage: string;
}

export async function requestsOfBerth({ controlPlane }: Cluster): Promise<readonly ApiRequest[]> {
  const log = await readFile(controlPlane.file(auditLog), 'utf8');
  return log
    .split('\n')
    .filter(Boolean)
    .map((line): ApiRequest => JSON.parse(line));
}
