import { spawnSync } from 'node:child_process';

/**
 * For `test(name, { skip: skipWithoutPromtool() }, …)`.
 * @throws in CI, where nothing may be left out.
 */
export function skipWithoutPromtool(): string | false {
  if (spawnSync('promtool', ['--version']).status === 0) return false;
  const reason = 'promtool is not installed: `apt-get install prometheus`';
  if (process.env.CI) throw new Error(reason);
  return reason;
}

/** Prometheus' own tool, with `input` on its standard input. Empty when it has nothing to say. */
export function promtool(options: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('promtool', options, { input, encoding: 'utf8' });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

/** Every sample of the text format: `name{label="value"}` as it is written there → value. */
export function samplesOf(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const end = line.lastIndexOf(' ');
    const series = line.slice(0, end);
    if (samples.has(series)) throw new Error(`${series} is there twice`);
    samples.set(series, Number(line.slice(end + 1)));
  }
  return samples;
}
