import { isWhole, type RawRequest } from './raw-request.ts';
import { type Outcome, replyHeader, type WireReply } from './wire.ts';
import type { Caller, World } from './world.ts';

/** What is wrong about how the server answered, as a sentence; undefined for nothing. */
export function judge(
  request: RawRequest,
  caller: Caller,
  outcome: Outcome,
  world: World,
): string | undefined {
  if (outcome.end === 'refused') return 'the server takes no connections';
  if (outcome.malformed !== undefined) return `the reply is malformed: ${outcome.malformed}`;
  if (outcome.end === 'timeout') return 'no answer within its time';
  if (isWhole(request) && outcome.replies.length === 0) return `no reply (${outcome.end})`;
  for (const reply of outcome.replies) {
    const problem = judgeReply(request, reply);
    if (problem !== undefined) return problem;
  }
  return judgeSecrecy(caller, outcome, world);
}

function judgeReply({ method, target }: RawRequest, reply: WireReply): string | undefined {
  const { status, body } = reply;
  if (status >= 500) return `status ${status}`;
  const type = replyHeader(reply, 'content-type') ?? '';
  const challenge = replyHeader(reply, 'www-authenticate');
  const error = /error="((?:[^"\\]|\\.)*)"/.exec(challenge ?? '')?.[1];
  if (error !== undefined && (error.length > 256 || !/^[\x20-\x7e]*$/.test(error))) {
    return `a challenge that clients cannot read: ${error}`;
  }
  if (
    replyHeader(reply, 'x-injected') !== undefined ||
    replyHeader(reply, 'x-second') !== undefined
  ) {
    return 'a header of the reply was injected';
  }
  if (method === 'HEAD' || status < 400 || body.length === 0) return undefined;
  if (!type.startsWith('application/json'))
    return `status ${status} with ${type || 'no media type'}`;
  return isErrorBody(body, target)
    ? undefined
    : `an error of another shape: ${body.subarray(0, 300)}`;
}

function isErrorBody(body: Buffer, target: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return false;
  }
  if (typeof value !== 'object' || value === null) return false;
  if ('error' in value && target.includes('chartrepo')) return typeof value.error === 'string';
  if (!('errors' in value) || !Array.isArray(value.errors) || value.errors.length === 0)
    return false;
  return value.errors.every(
    ({ code, message }) =>
      typeof code === 'string' &&
      /^[A-Z_]+$/.test(code) &&
      typeof message === 'string' &&
      message !== '',
  );
}

function judgeSecrecy(caller: Caller, outcome: Outcome, world: World): string | undefined {
  const received = outcome.received.toString('latin1');
  for (const vault of world.vaults) {
    if (caller.reads.includes(vault.project)) continue;
    const secret = [vault.canary, ...vault.unknownDigests].find((text) => received.includes(text));
    if (secret !== undefined) return `${caller.name} got to see ${secret}`;
    for (const { status, headers } of outcome.replies) {
      const digest = headers.find(([name]) => name === 'docker-content-digest')?.[1];
      if (status < 300 && digest !== undefined && vault.digests.includes(digest)) {
        return `${caller.name} reached ${digest} of ${vault.project}`;
      }
    }
  }
  return undefined;
}
