import type { Log } from './log.ts';
import type { FinishedRequest } from './request-counts.ts';

export interface AccessEntry extends FinishedRequest {
  readonly id: string;
  readonly address: string;
  readonly principal: string | undefined;
  /** Without its query. */
  readonly path: string;
  readonly repository: string | undefined;
  readonly agent: string | undefined;
  /** The reply did not go out whole. */
  readonly interrupted: boolean;
}

const longestPath = 500;
const longestName = 255;
const longestAgent = 200;
/** Whoever knows the id of an upload may carry it on: enough of it to tell uploads apart. */
const shownOfUploadId = 8;

/** One line for each request. No credential reaches it: no header but User-Agent, no query. */
export function logAccess(log: Log, level: 'info' | 'debug', entry: AccessEntry): void {
  log[level](
    {
      request: entry.id,
      address: entry.address,
      principal: entry.principal?.slice(0, longestName),
      method: entry.method,
      path: printable(pathFor(entry)),
      repository: printable(entry.repository?.slice(0, longestName)),
      status: entry.status,
      received: entry.received,
      sent: entry.sent,
      milliseconds: Math.round(entry.seconds * 10_000) / 10,
      agent: printable(entry.agent?.slice(0, longestAgent)),
      ...(entry.interrupted ? { interrupted: true } : {}),
    },
    'request',
  );
}

/** JSON escapes the control characters of ASCII only, and terminals obey those beyond it too. */
function printable<Text extends string | undefined>(text: Text): Text | string {
  return text === undefined ? text : text.replace(/\p{Cc}/gu, '\ufffd');
}

function pathFor({ path, route }: AccessEntry): string {
  if (route !== 'upload') return path.slice(0, longestPath);
  const id = path.lastIndexOf('/') + 1;
  const shown = path.slice(0, Math.min(longestPath, id + shownOfUploadId));
  return path.length > id + shownOfUploadId ? `${shown}…` : shown;
}
