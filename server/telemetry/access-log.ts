import { type Log, timestamp } from './log.ts';
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

/**
 * One line for each request. No credential reaches it: no header but User-Agent, no query. Written by
 * hand, since most of what a small request costs would be its line.
 */
export function logAccess(log: Log, level: 'info' | 'debug', entry: AccessEntry): void {
  log.writeLater(
    `{"level":"${level}","time":"${timestamp()}","request":${quoted(entry.id)}` +
      `,"address":${quoted(entry.address)}${field('principal', entry.principal, longestName)}` +
      `${field('method', entry.method, longestName)},"path":${quoted(shownPath(entry))}` +
      `${field('repository', entry.repository, longestName)},"status":${entry.status}` +
      `,"received":${entry.received},"sent":${entry.sent}` +
      `,"milliseconds":${Math.round(entry.seconds * 10_000) / 10}` +
      `${field('agent', entry.agent, longestAgent)}` +
      `${entry.interrupted ? ',"interrupted":true' : ''},"msg":"request"}\n`,
  );
}

function field(name: string, text: string | undefined, longest: number): string {
  return text === undefined ? '' : `,"${name}":${quoted(text.slice(0, longest))}`;
}

/** JSON escapes the control characters of ASCII only, and terminals obey those beyond it too. */
function quoted(text: string): string {
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) return `"${text}"`;
  return JSON.stringify(text.replace(/\p{Cc}/gu, '\ufffd'));
}

/** A path as people may see it. */
export function shownPath({ path, route }: Pick<AccessEntry, 'path' | 'route'>): string {
  if (route !== 'upload') return path.slice(0, longestPath);
  const id = path.lastIndexOf('/') + 1;
  const shown = path.slice(0, Math.min(longestPath, id + shownOfUploadId));
  return path.length > id + shownOfUploadId ? `${shown}…` : shown;
}
