import { Cron } from 'croner';
import { Refusal } from '#lib/errors.ts';

const maximumCronLength = 128;

/**
 * When a schedule is due next after `time`, in UTC.
 * @param cron six fields as Harbor writes them, the first of which, the second, is a number
 * @throws {Refusal} `invalid`
 */
export function nextTime(cron: string, time: number): number {
  const next = parse(cron).nextRun(new Date(time));
  if (next === null) {
    throw new Refusal('invalid', `The schedule ${JSON.stringify(cron)} never comes to pass.`);
  }
  return next.getTime();
}

function parse(cron: string): Cron {
  const [second = ''] = cron.trim().split(/\s+/);
  try {
    if (cron.length > maximumCronLength || !/^\d{1,2}$/.test(second)) throw new Error();
    // An offset, since the data of time zones would take 5 MB of memory.
    return new Cron(cron, { utcOffset: 0, mode: '6-part', paused: true });
  } catch {
    throw new Refusal(
      'invalid',
      'A schedule has six fields: second (one number), minute, hour, day of month, month and day of week, in UTC; write for instance "0 0 3 * * *" for every night at three.',
    );
  }
}
