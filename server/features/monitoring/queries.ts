import type { Reader } from '#server/database/database.ts';
import { maximumAttempts } from '#server/events/outbox.ts';

/** Counts stop here: how much more it is makes no difference to anybody, and would take longer. */
const highestCount = 10_000;

export interface OutboxState {
  readonly waiting: number;
  /** Tried too often, and left aside. */
  readonly givenUp: number;
  /** When the oldest of those that wait was written; undefined when none waits. */
  readonly oldest: number | undefined;
}

export async function outboxState(read: Reader): Promise<OutboxState> {
  const { count, min } = read.fn;
  const waiting = await read
    .selectFrom(
      read
        .selectFrom('events')
        .select(['id', 'created_at'])
        .where('attempts', '<', maximumAttempts)
        .orderBy('id')
        .limit(highestCount)
        .as('waiting'),
    )
    .select([count<number>('id').as('events'), min('created_at').as('oldest')])
    .executeTakeFirstOrThrow();
  const aside = await read
    .selectFrom(
      read
        .selectFrom('events')
        .select('id')
        .where('attempts', '>=', maximumAttempts)
        .limit(highestCount)
        .as('aside'),
    )
    .select(count<number>('id').as('events'))
    .executeTakeFirstOrThrow();
  return {
    waiting: waiting.events,
    givenUp: aside.events,
    oldest: waiting.oldest ?? undefined,
  };
}

export async function openUploads(read: Reader): Promise<number> {
  const { uploads } = await read
    .selectFrom(read.selectFrom('uploads').select('id').limit(highestCount).as('open'))
    .select(read.fn.count<number>('id').as('uploads'))
    .executeTakeFirstOrThrow();
  return uploads;
}

/** When the secrets end that end at all: of robots that are in use, and of access tokens. */
export async function secretEnds(
  read: Reader,
): Promise<{ readonly robot: readonly number[]; readonly accessToken: readonly number[] }> {
  const robots = await read
    .selectFrom('robots')
    .select('expires_at')
    .where('expires_at', 'is not', null)
    .where('disabled', '=', 0)
    .limit(highestCount)
    .execute();
  const accessTokens = await read
    .selectFrom('access_tokens')
    .select('expires_at')
    .where('expires_at', 'is not', null)
    .limit(highestCount)
    .execute();
  const ends = (rows: readonly { expires_at: number | null }[]) =>
    rows.flatMap((row) => row.expires_at ?? []);
  return { robot: ends(robots), accessToken: ends(accessTokens) };
}

export interface BlobCount {
  readonly blobs: number;
  readonly bytes: number;
  /** The highest row that was looked at; undefined at the end. */
  readonly last: number | undefined;
}

/** Adds up the live ones among the next `limit` blobs after the row `after`. */
export async function countBlobs(read: Reader, after: number, limit: number): Promise<BlobCount> {
  const { count, sum, max } = read.fn;
  const { rows, blobs, bytes, last } = await read
    .selectFrom(
      read
        .selectFrom('blobs')
        .select(['id', 'size', 'state'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .as('some'),
    )
    .select([
      count<number>('id').as('rows'),
      count<number>('id').filterWhere('state', '=', 'live').as('blobs'),
      sum<number | null>('size').filterWhere('state', '=', 'live').as('bytes'),
      max<number>('id').as('last'),
    ])
    .executeTakeFirstOrThrow();
  return { blobs, bytes: bytes ?? 0, last: rows < limit ? undefined : last };
}

/** When the job was due, and when the last one of its kind was that succeeded. */
export async function previousRun(
  read: Reader,
  kind: string,
  job: number,
): Promise<{ readonly since: number; readonly now: number }> {
  const { created_at: now } = await read
    .selectFrom('jobs')
    .select('created_at')
    .where('id', '=', job)
    .executeTakeFirstOrThrow();
  const before = await read
    .selectFrom('jobs')
    .select('created_at')
    .where('kind', '=', kind)
    .where('id', '<', job)
    .where('state', '=', 'succeeded')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { since: before?.created_at ?? Number.NEGATIVE_INFINITY, now };
}

/** Robots in use whose secret ends after `after` and by `until`. */
export async function robotEnds(
  read: Reader,
  { after, until }: { readonly after: number; readonly until: number },
): Promise<readonly { readonly name: string; readonly endsAt: number }[]> {
  const rows = await read
    .selectFrom('robots')
    .select(['name', 'expires_at'])
    .where('disabled', '=', 0)
    .where('expires_at', '>', after)
    .where('expires_at', '<=', until)
    .orderBy('id')
    .limit(highestCount)
    .execute();
  return rows.flatMap(({ name, expires_at }) =>
    expires_at === null ? [] : [{ name, endsAt: expires_at }],
  );
}

export interface OpenJobs {
  readonly kind: string;
  readonly state: string;
  readonly jobs: number;
}

export async function openJobs(read: Reader): Promise<readonly OpenJobs[]> {
  return read
    .selectFrom('jobs')
    .select(['kind', 'state', (row) => row.fn.count<number>('id').as('jobs')])
    .where('finished_at', 'is', null)
    .groupBy(['kind', 'state'])
    .execute();
}
