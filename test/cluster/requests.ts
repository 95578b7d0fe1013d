import { readFile } from 'node:fs/promises';
import { auditLog } from './control-plane.ts';
import type { Cluster } from './index.ts';

/** What the API server wrote down of a request of a pod in the namespace `berth`. */
export interface ApiRequest {
  readonly auditID: string;
  /** A watch is written down when it is answered, and again when it ends. */
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly verb: string;
  readonly requestURI: string;
  /** RFC 3339. */
  readonly requestReceivedTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string };
  readonly responseStatus?: { readonly code: number };
}

/** Each request once, as it was last written down, in the order of their beginnings. */
export async function requestsOfBerth({ controlPlane }: Cluster): Promise<readonly ApiRequest[]> {
  const log = await readFile(controlPlane.file(auditLog), 'utf8');
  const requests = new Map<string, ApiRequest>();
  for (const line of log.split('\n').filter(Boolean)) {
    const request: ApiRequest = JSON.parse(line);
    requests.set(request.auditID, request);
  }
  return [...requests.values()].sort(
    (one, other) =>
      Date.parse(one.requestReceivedTimestamp) - Date.parse(other.requestReceivedTimestamp),
  );
}
