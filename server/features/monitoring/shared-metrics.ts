import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Reader } from '#server/database/database.ts';
import { gauge, type MetricSnapshot, type MetricSource } from '#server/telemetry/metrics.ts';
import type { BlobTotals } from './blob-totals.ts';
import type { CertificateTerm } from './certificate-ends.ts';
import { openJobs, openUploads, outboxState, secretEnds } from './queries.ts';
import { rememberedSource } from './remembered-source.ts';

const day = 24 * 60 * 60_000;
/** Of secrets that end soon. */
const windows = [
  { within: '1d', milliseconds: day },
  { within: '7d', milliseconds: 7 * day },
  { within: '30d', milliseconds: 30 * day },
] as const;

export interface SharedMetricsOptions {
  readonly read: Reader;
  readonly store: BlobStore;
  readonly blobTotals: () => BlobTotals | undefined;
  readonly certificates: () => readonly CertificateTerm[];
  readonly now: () => number;
  readonly reportFailure: (error: unknown) => void;
}

/** What the database, the blob store and the certificates tell, the same in every process. */
export function sharedMetrics(options: SharedMetricsOptions): readonly MetricSource[] {
  const { read, store, blobTotals, certificates, now, reportFailure } = options;
  const remembered = (milliseconds: number, source: () => Promise<readonly MetricSnapshot[]>) =>
    rememberedSource(source, { milliseconds, now, reportFailure });

  return [
    remembered(10_000, async () => outboxMetrics(await outboxState(read), now())),
    remembered(10_000, async () => [
      gauge(
        'berth_uploads_open',
        'Uploads that have begun and are neither finished nor given up.',
        await openUploads(read),
      ),
    ]),
    remembered(10_000, async () => [
      gauge(
        'berth_jobs_open',
        'Jobs that wait or run, by kind.',
        (await openJobs(read)).map(({ kind, state, jobs }) => ({
          labels: { kind, state },
          value: jobs,
        })),
      ),
    ]),
    remembered(60_000, async () => secretMetrics(await secretEnds(read), now())),
    remembered(10_000, () => storeMetrics(store)),
    () => blobMetrics(blobTotals()),
    () => [
      gauge(
        'berth_certificate_remaining_seconds',
        'Until the certificate of the server (leaf) and of its own authority end.',
        certificates().map(({ certificate, endsAt }) => ({
          labels: { certificate },
          value: (endsAt - now()) / 1000,
        })),
      ),
    ],
  ];
}

function outboxMetrics(
  { waiting, givenUp, oldest }: Awaited<ReturnType<typeof outboxState>>,
  time: number,
): MetricSnapshot[] {
  return [
    gauge(
      'berth_outbox_events_waiting',
      'Events that not every subscriber has heard yet, counted up to 10000.',
      waiting,
    ),
    gauge(
      'berth_outbox_oldest_event_age_seconds',
      'How long the oldest of those events has been waiting.',
      oldest === undefined ? 0 : Math.max(0, time - oldest) / 1000,
    ),
    gauge(
      'berth_outbox_events_given_up',
      'Events that failed too often and are left aside.',
      givenUp,
    ),
  ];
}

function secretMetrics(
  { robot, accessToken }: Awaited<ReturnType<typeof secretEnds>>,
  time: number,
): MetricSnapshot[] {
  const kinds = [
    { kind: 'robot', ends: robot },
    { kind: 'access-token', ends: accessToken },
  ];
  return [
    gauge(
      'berth_secrets_expiring',
      'Secrets of robots that are in use, and access tokens, that end within the time but have not ended.',
      kinds.flatMap(({ kind, ends }) =>
        windows.map(({ within, milliseconds }) => ({
          labels: { kind, within },
          value: ends.filter((end) => end > time && end <= time + milliseconds).length,
        })),
      ),
    ),
    gauge(
      'berth_secrets_expired',
      'Secrets of robots that are not disabled, and access tokens, that have ended.',
      kinds.map(({ kind, ends }) => ({
        labels: { kind },
        value: ends.filter((end) => end <= time).length,
      })),
    ),
  ];
}

async function storeMetrics(store: BlobStore): Promise<MetricSnapshot[]> {
  const { writable, space } = await store.health();
  const isWritable = gauge(
    'berth_storage_writable',
    '1 while blobs can be stored, 0 when the blob store is full.',
    writable ? 1 : 0,
  );
  if (space === undefined) return [isWritable];
  return [
    isWritable,
    gauge(
      'berth_storage_free_bytes',
      'Bytes that the disk of the blob store still takes.',
      space.freeBytes,
    ),
    gauge('berth_storage_size_bytes', 'The whole disk of the blob store.', space.totalBytes),
  ];
}

function blobMetrics(totals: BlobTotals | undefined): MetricSnapshot[] {
  if (totals === undefined) return [];
  return [
    gauge('berth_blobs', 'Blobs that are stored, counted every ten minutes.', totals.blobs),
    gauge('berth_blobs_bytes', 'Bytes of those blobs.', totals.bytes),
  ];
}
