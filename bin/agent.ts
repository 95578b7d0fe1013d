import { readEnvironment } from '../agent/environment.ts';
import { runAgent } from '../agent/main.ts';

const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => ending.abort());

try {
  await runAgent(readEnvironment(), ending.signal);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
