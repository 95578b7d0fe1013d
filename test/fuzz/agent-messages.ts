import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { agentEnrolmentPath, serverMethods } from '#contract/agent.ts';
import { makeCluster, openAgent } from '#server/features/clusters/testing/agents.ts';
import { type Random, randomOf } from '#test/random.ts';
import type { Credential, ServerProcess } from '../crash/server-process.ts';
import { chance, json, jsonOf, oneOf, type Schema, text } from './values.ts';

export interface MessagePlan {
  readonly server: ServerProcess;
  readonly admin: Credential;
  readonly messages: number;
  readonly seed: string;
}

const cluster = 'fuzzed';
const methods = Object.keys(serverMethods) as (keyof typeof serverMethods)[];
/** Far below what counts as a flood. */
const atOnce = 50;

/**
 * Says to a server, as the agent of a cluster, whatever comes to mind: each message is answered, or
 * ends the connection, and none of them is a failure of the server.
 * @returns what is wrong, in sentences
 */
export async function fuzzAgentMessages(plan: MessagePlan): Promise<readonly string[]> {
  const { server, admin, messages, seed } = plan;
  const keys = await makeCluster();
  const secret = await enrol();
  const problems: string[] = [];
  for (let done = 0; done < messages; ) {
    const agent = await openAgent(`ws://127.0.0.1:${server.port}`, {
      secret,
      proof: await keys.token(),
    });
    while (done < messages && agent.socket.readyState === agent.socket.OPEN) {
      const batch = Array.from({ length: atOnce }, (_, index) => done + index);
      done += atOnce;
      problems.push(...(await say(agent.socket, batch)));
    }
    await agent.leave();
  }
  const { status } = await server.call(admin, `/api/v2.0/clusters/${cluster}`);
  if (status !== 200) problems.push(`the cluster is shown with status ${status}`);
  return problems;

  async function enrol(): Promise<string> {
    const offer = await server.call(admin, '/api/v2.0/clusters', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ name: cluster })),
    });
    const { token } = JSON.parse(offer.body.toString()) as { token: string };
    const reply = await fetch(`http://127.0.0.1:${server.port}${agentEnrolmentPath}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ proof: await keys.proof() }),
    });
    return ((await reply.json()) as { secret: string }).secret;
  }

  /** Resolves once each is answered, or the connection has ended. */
  async function say(socket: WebSocket, batch: readonly number[]): Promise<string[]> {
    const sent = new Map(batch.map((number) => [number, messageOf(number)]));
    const awaited = new Set(
      [...sent].filter(([, message]) => isCall(message)).map(([number]) => number),
    );
    const found: string[] = [];
    const listen = (data: unknown) => {
      const { id, error } = JSON.parse(String(data)) as {
        id: number;
        error?: { message: string };
      };
      awaited.delete(id);
      if (error?.message.endsWith('see the log of this side.')) {
        const failure = server.log().findLast((line) => line.startsWith('{"level":"error"'));
        found.push(`message ${id} of seed ${seed} failed: ${sent.get(id)}\n${failure}`);
      }
      if (awaited.size === 0) socket.emit('answered');
    };
    socket.on('message', listen);
    const ended = Promise.race([once(socket, 'answered'), once(socket, 'close')]);
    for (const message of sent.values()) socket.send(message);
    const limit = AbortSignal.timeout(20_000);
    const late = once(limit, 'abort').then(() => {
      found.push(`no answer to ${[...awaited].map((number) => sent.get(number)).join('\n')}`);
    });
    if (awaited.size > 0) await Promise.race([ended, late]);
    socket.off('message', listen);
    return found;
  }

  function messageOf(number: number): string {
    const random = randomOf(`${seed} message ${number}`);
    if (chance(random, 200)) return oneOf(random, [json(random), text(random).toWellFormed()]);
    if (chance(random, 20)) return `{"id":${number},"result":${json(random, 2)}}`;
    const method = oneOf(random, methods);
    return `{"id":${number},"method":"${method}","parameters":${parametersOf(random, method)}}`;
  }
}

function parametersOf(random: Random, method: keyof typeof serverMethods): string {
  return jsonOf(random, serverMethods[method].parameters as Schema, (name) => known(random, name));
}

function known(random: Random, name: string): string | undefined {
  if (name === 'name' || name === 'namespace') return oneOf(random, ['web', 'kube-system', 'n-1']);
  if (name === 'from' || name === 'until') return oneOf(random, ['a', 'm', 'z']);
  if (name === 'generation') return oneOf(random, ['0', '1', '2', '9007199254740991']);
  return undefined;
}

function isCall(message: string): boolean {
  return /^\{"id":\d+,"method"/.test(message) && !message.includes('\\u0000');
}
