import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { BuildAnswer, BuildOrder, BuiltPart } from './build-protocol.ts';

/** Takes the parts of a built image one by one: all of a part's bytes, before the next one comes. */
export type TakePart = (
  part: BuiltPart,
  bytes: AsyncIterable<Uint8Array>,
  isLast: boolean,
) => Promise<void>;

const here = import.meta.dirname;

/**
 * Builds the agent's image in a process of its own.
 * @throws {Error} a sentence, where what it is made of is not there
 */
export async function buildAgentImage(
  order: Pick<BuildOrder, 'stored' | 'version'>,
  take: TakePart,
  signal: AbortSignal,
): Promise<void> {
  const program = await agentProgram(signal);
  try {
    await runBuild(
      { node: process.execPath, program: program.path, runtimes: join(here, 'runtimes'), ...order },
      take,
      signal,
    );
  } finally {
    await program.remove();
  }
}

/** Beside the program in a bundle; from sources it is bundled for this once. */
async function agentProgram(
  signal: AbortSignal,
): Promise<{ path: string; remove: () => Promise<void> }> {
  const beside = join(here, 'agent.mjs');
  if (existsSync(beside)) return { path: beside, remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'berth-agent-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const output = join(folder, 'bundle');
  const bundle = join(here, '..', '..', '..', 'bin', 'bundle.mjs');
  const [code, problem] = await run([bundle, output], signal, async (child) => {
    child.stdout.resume();
  });
  if (code === 0) return { path: join(output, 'agent.mjs'), remove };
  await remove();
  throw new Error(`The agent could not be bundled: ${problem.trim()}`);
}

async function runBuild(order: BuildOrder, take: TakePart, signal: AbortSignal): Promise<void> {
  const module = fileURLToPath(new URL('./build-process.ts', import.meta.url));
  const [code, problem] = await run([module, JSON.stringify(order)], signal, (child) =>
    takeParts(child.stdout, take),
  );
  if (code !== 0) throw new Error(problem || `The build ended with code ${code}.`);
}

/** Runs Node.js and tells its exit code and what it wrote about a failure. */
async function run(
  command: readonly string[],
  signal: AbortSignal,
  follow: (child: ChildProcessByStdio<null, Readable, Readable>) => Promise<void>,
): Promise<readonly [number | null, string]> {
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  const ended = Promise.all([text(child.stderr), once(child, 'close')]);
  ended.catch(() => {});
  try {
    await follow(child);
  } catch (error) {
    child.kill();
    throw error;
  }
  const [problem, [code]] = await ended;
  return [code, problem.trim()];
}

async function takeParts(source: AsyncIterable<Buffer>, take: TakePart): Promise<void> {
  const reader = createReader(source);
  // Nothing but its error is to be read of a build that failed.
  const line = await reader.line();
  if (line === undefined) return;
  const { parts }: BuildAnswer = JSON.parse(line);
  for (const [place, part] of parts.entries()) {
    const bytes = reader.bytes(part.size);
    await take(part, bytes, place === parts.length - 1);
    // What nobody wanted to read.
    for await (const _ of bytes);
  }
}

/** Reads a stream by lines and by numbers of bytes. */
function createReader(source: AsyncIterable<Buffer>) {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  async function more(): Promise<boolean> {
    const { done, value } = await chunks.next();
    if (done) return false;
    rest = rest.length === 0 ? value : Buffer.concat([rest, value]);
    return true;
  }

  return {
    /** Undefined where the stream ends before the line does. */
    async line(): Promise<string | undefined> {
      let end = rest.indexOf(10);
      while (end < 0) {
        if (!(await more())) return undefined;
        end = rest.indexOf(10);
      }
      const text = rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
      return text;
    },

    async *bytes(size: number): AsyncGenerator<Uint8Array> {
      let left = size;
      while (left > 0) {
        if (rest.length === 0 && !(await more())) {
          throw new Error(`The build ended ${left} bytes too early.`);
        }
        const chunk = rest.subarray(0, left);
        rest = rest.subarray(chunk.length);
        left -= chunk.length;
        yield chunk;
      }
    },
  };
}
