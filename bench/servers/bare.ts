import { join } from 'node:path';
import { answers, freePort, type Program, startProgram } from './program.ts';

/** What the bare server answers to everything. */
export interface BareAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** node:http alone, on the Node.js that runs Berth, with the answer that Berth gave. */
export async function startBare(folder: string, answer: BareAnswer): Promise<Program> {
  const port = await freePort();
  const program = startProgram({
    command: process.execPath,
    args: [join(import.meta.dirname, 'bare-program.ts'), String(port), JSON.stringify(answer)],
    origin: `http://127.0.0.1:${port}`,
    log: join(folder, `bare-${port}.log`),
  });
  await answers(program, '/');
  return program;
}
