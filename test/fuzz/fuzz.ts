import { type Random, randomOf } from '#test/random.ts';
import {
  createCredential,
  type ServerProcess,
  startServerProcess,
} from '../crash/server-process.ts';
import { fuzzAgentMessages } from './agent-messages.ts';
import { judge } from './judge.ts';
import { mutate } from './mutations.ts';
import { createPool, type Pool } from './pool.ts';
import { type RawRequest, reproduction } from './raw-request.ts';
import { type Draft, draftRegistryRequest } from './registry-requests.ts';
import { type Resources, restingResources } from './resources.ts';
import { draftRestRequest, draftTokenRequest, routesOf } from './rest-requests.ts';
import { shrink } from './shrink.ts';
import { chance, oneOf } from './values.ts';
import { exchange } from './wire.ts';
import { type Caller, createWorld } from './world.ts';

export interface FuzzPlan {
  readonly requests: number;
  readonly seed: string;
  readonly folder: string;
  readonly databaseUrl?: string;
  readonly report: (line: string) => void;
}

export interface FuzzOutcome {
  readonly requests: number;
  readonly seconds: number;
  /** Replies by status. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly before: Resources;
  readonly after: Resources;
  /** In sentences, each with the request that shows it. */
  readonly problems: readonly string[];
}

const lanes = 6;
const requestsBetweenMendings = 400;
const mostProblems = 20;
/** Of the requests, at the end. */
const shareOfAdmin = 0.2;
/** Messages of an agent, beside the requests. */
const shareOfAgent = 0.05;

/**
 * What memory may grow by after the first quarter: caches fill, and the collector of JavaScript lets
 * it rise by about as much before it falls again, however long a run is.
 */
const memorySlack = 192 * 1024 * 1024;
const descriptorSlack = 8;

export async function fuzz(plan: FuzzPlan): Promise<FuzzOutcome> {
  const server = await startServerProcess({
    folder: plan.folder,
    ...(plan.databaseUrl !== undefined && { databaseUrl: plan.databaseUrl }),
  });
  try {
    return await run(plan, server);
  } finally {
    await server.kill('SIGTERM');
  }
}

async function run(
  { requests, seed, report }: FuzzPlan,
  server: ServerProcess,
): Promise<FuzzOutcome> {
  const admin = await createCredential(server);
  const { body } = await server.call(admin, '/api/openapi.json');
  const routes = routesOf(body.toString('utf8'));
  let world = await createWorld(server, admin);
  const pool = createPool(world);
  const protectedBefore = await world.observe();
  const statuses = new Map<number, number>();
  const problems = new Map<string, string>();
  let before: Resources | undefined;
  let seconds = 0;

  const byStrangers = requests - Math.floor(requests * shareOfAdmin);
  for (let done = 0; done < byStrangers && problems.size < mostProblems; ) {
    const end = Math.min(done + requestsBetweenMendings, byStrangers);
    await all(done, end, world.callers);
    done = end;
    world = await world.mend();
    if (before === undefined && done >= requests / 4) before = await restingResources(server.pid);
  }
  const changed = differences(protectedBefore, await world.observe());
  const ofAgent = await fuzzAgentMessages({
    server,
    admin,
    messages: Math.floor(requests * shareOfAgent),
    seed,
  });
  // Who may do everything changes everything, and is only promised answers.
  await all(byStrangers, requests, [await world.createAdmin()]);

  async function all(first: number, end: number, callers: readonly Caller[]): Promise<void> {
    const started = performance.now();
    await Promise.all(
      Array.from({ length: lanes }, async (_, lane) => {
        for (let index = first + lane; index < end; index += lanes) await one(index, callers);
      }),
    );
    seconds += (performance.now() - started) / 1000;
  }

  async function one(index: number, callers: readonly Caller[]): Promise<void> {
    const random = randomOf(`${seed} request ${index}`);
    const caller = oneOf(random, callers);
    const request = compose(random, caller, server.port, draft(random, pool, routes));
    if (caller.keeps?.(request)) return;
    const outcome = await exchange(server.port, request);
    for (const reply of outcome.replies) {
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      pool.learn(request, reply);
    }
    const problem = judge(request, caller, outcome, world);
    if (problem === undefined) return;
    const kind = `${problem} ${request.method} ${request.target.split(/[/?]/).slice(0, 4).join('/')}`;
    if (problems.has(kind)) return;
    problems.set(kind, problem);
    const smallest = await shrink(
      request,
      async (candidate) =>
        judge(candidate, caller, await exchange(server.port, candidate), world) === problem,
    );
    const failure = server.log().findLast((line) => line.startsWith('{"level":"error"'));
    const told = `request ${index} as ${caller.name}: ${problem}\n${reproduction(smallest, server.port)}${problem.startsWith('status') ? `\n${failure}` : ''}`;
    problems.set(kind, told);
    report(told);
  }

  const after = await restingResources(server.pid);
  before ??= after;
  const found = [...problems.values(), ...ofAgent];
  const grown = after.memory - before.memory;
  if (grown > memorySlack) found.push(`memory grew by ${grown} bytes to ${after.memory}`);
  if (after.descriptors > before.descriptors + descriptorSlack) {
    found.push(`open files and sockets: ${after.descriptors} instead of ${before.descriptors}`);
  }
  found.push(...changed);
  found.push(...server.log().filter((line) => /unhandled|uncaught/i.test(line)));
  return { requests, seconds, statuses, before, after, problems: found };
}

function draft(random: Random, pool: Pool, routes: ReturnType<typeof routesOf>): Draft {
  switch (random.integer(10)) {
    case 0:
      return draftTokenRequest(random, pool);
    case 1:
    case 2:
    case 3:
    case 4:
      return draftRestRequest(random, pool, routes);
    default:
      return draftRegistryRequest(random, pool);
  }
}

/** Framed and signed as it should be, and then perhaps broken. */
function compose(
  random: Random,
  caller: Caller,
  port: number,
  { method, target, headers = [], body = Buffer.alloc(0) }: Draft,
): RawRequest {
  const authorization =
    caller.credential === undefined
      ? []
      : [['Authorization', `Basic ${btoa(caller.credential)}`] as const];
  const sized = body.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH';
  let request: RawRequest = {
    method,
    target,
    headers: [
      ['Host', `localhost:${port}`],
      ...authorization,
      ...headers,
      ...(sized ? [['Content-Length', String(body.length)] as const] : []),
      ['Connection', 'close'],
    ],
    body,
  };
  for (let count = 0; count < 3 && chance(random, 3); count += 1) request = mutate(random, request);
  return request;
}

function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const found: string[] = [];
  for (const [path, text] of before) {
    if (after.get(path) !== text) {
      found.push(`changed by nobody who may: ${path}\nbefore: ${text}\nafter: ${after.get(path)}`);
    }
  }
  for (const path of after.keys()) if (!before.has(path)) found.push(`new: ${path}`);
  return found;
}
