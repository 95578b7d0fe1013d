import type { ReportProgress } from '#lib/progress.ts';

/** Adds up how far one step has come, and reports it. */
export interface StepCounter {
  add(done: number, bytes: number): void;
  readonly done: number;
  readonly bytes: number;
}

export function countStep(
  report: ReportProgress,
  step: string,
  total: number | undefined,
): StepCounter {
  let done = 0;
  let bytes = 0;
  return {
    add(more, moreBytes) {
      done += more;
      bytes += moreBytes;
      report({ step, done, total, bytes });
    },
    get done() {
      return done;
    },
    get bytes() {
      return bytes;
    },
  };
}
