import type { Progress, ReportProgress } from '#lib/progress.ts';

/** Milliseconds between two signs of life. */
const onTerminal = 200;
const inLog = 10_000;
/** Of a work that has nothing to count but time. */
const inTurn = 1_000;

export interface ProgressDisplay {
  readonly report: ReportProgress;
  /** Clears the line, so that the answer stands alone. */
  end(): void;
}

/** Tells on standard error how far a work has come: on a terminal in one line, else now and then. */
export function showProgress(stream: NodeJS.WriteStream = process.stderr): ProgressDisplay {
  let step = '';
  let stepBegan = 0;
  let last = 0;
  let shown = false;
  return {
    report(progress) {
      const now = performance.now();
      if (progress.step !== step) {
        step = progress.step;
        stepBegan = now;
        // A step that is done at once is not worth a line of a log.
        if (!stream.isTTY) last = now;
      } else if (now - last < (stream.isTTY ? onTerminal : inLog)) {
        return;
      }
      last = now;
      const line = progressLine(progress, (now - stepBegan) / 1000);
      if (!stream.isTTY) {
        if (now - stepBegan >= inLog) stream.write(`${line}\n`);
        return;
      }
      shown = true;
      stream.write(`\r\u001b[K${line.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    end() {
      if (shown) stream.write('\r\u001b[K');
      shown = false;
    },
  };
}

/** Runs `work` while its progress is shown, and tells how long it took. */
export async function timedWithProgress<Result>(
  work: (report: ReportProgress) => Promise<Result>,
): Promise<{ readonly result: Result; readonly seconds: number }> {
  const progress = showProgress();
  const began = performance.now();
  try {
    const result = await work(progress.report);
    return { result, seconds: (performance.now() - began) / 1000 };
  } finally {
    progress.end();
  }
}

/** Runs `work` while a terminal is told what is waited for, and for how long already. */
export async function whileWaiting<Result>(
  what: string,
  work: () => Promise<Result>,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<Result> {
  if (!stream.isTTY) return work();
  const began = performance.now();
  const timer = setInterval(() => {
    stream.write(`\r\u001b[K${what}: ${Math.round((performance.now() - began) / 1000)} s`);
  }, inTurn);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    stream.write('\r\u001b[K');
  }
}

export function progressLine({ step, done, total, bytes }: Progress, seconds: number): string {
  const share =
    total === undefined || total === 0 ? '' : ` (${Math.floor((done / total) * 100)} %)`;
  const parts: string[] = [];
  // A work that counts nothing but bytes, or time, has no number to show.
  if (total !== undefined || done > 0) {
    parts.push(`${countText(done)}${total === undefined ? '' : ` of ${countText(total)}`}${share}`);
  }
  if (bytes > 0) parts.push(bytesText(bytes));
  if (bytes > 0 && seconds >= 1) parts.push(`${bytesText(bytes / seconds)}/s`);
  return parts.length === 0 ? step : `${step}: ${parts.join(', ')}`;
}

export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

const units = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal units, as disks are sold. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}
