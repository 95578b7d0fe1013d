import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { Database } from '#server/database/database.ts';
import { probeOf } from '#server/database/probe.ts';
import type { Exchange } from '#server/http/exchange.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import type { JobHandler, Jobs } from '#server/jobs/jobs.ts';
import { createBlobTotals } from './blob-totals.ts';
import { createCertificateTerms } from './certificate-ends.ts';
import { blobStoreCheck, certificateCheck, databaseCheck } from './checks.ts';
import {
  createExpiryAnnouncements,
  type Expiring,
  expiryKind,
  expirySchedule,
} from './expiry-announcements.ts';
import { createHealth, type Examined, type Health } from './health.ts';
import { addMetricsRoutes, type MetricsAccess } from './metrics-routes.ts';
import { createProbes } from './probe-routes.ts';
import { sharedMetrics } from './shared-metrics.ts';

export interface MonitoringOptions {
  readonly database: Database;
  readonly store: BlobStore;
  readonly certificates: ServerCertificates;
  /** A part of the server works no more, or again. */
  readonly onHealthChange: (part: Examined, error: unknown) => void;
  /** The name of a robot as it signs in. */
  readonly robotName: (stored: string) => string;
  /** A robot or a certificate ends soon. */
  readonly onExpiring: (expiring: Expiring) => void;
  /** Of what was asked for a scrape. */
  readonly reportFailure: (error: unknown) => void;
  readonly now: () => number;
}

export interface Monitoring {
  readonly health: Health;
  /** Announces what ends soon; `scheduleJobs` makes it run every hour. */
  readonly jobHandler: JobHandler;
  /** Answers `/healthz` and `/readyz`. */
  answerProbe(exchange: Exchange): Promise<void>;
  /** From now on `/readyz` says that the server is not ready. */
  stopping(): void;
  scheduleJobs(jobs: Jobs): Promise<void>;
  /** `/metrics`. */
  addRoutes(application: RestApplication, access: MetricsAccess): void;
  /** Resolves when nothing is being counted any more. */
  stop(): Promise<void>;
}

/** What people and machines see of the state of the server. */
export function createMonitoring(options: MonitoringOptions): Monitoring {
  const { database, store, onHealthChange, reportFailure, now } = options;
  const { read } = database;
  const certificates = createCertificateTerms(options.certificates);
  const blobTotals = createBlobTotals({ read, now, reportFailure });
  const health = createHealth({
    checks: [
      databaseCheck(probeOf(database)),
      blobStoreCheck(store),
      certificateCheck(certificates, now),
    ],
    onChange: onHealthChange,
    now,
  });
  const probes = createProbes(health);
  const shared = sharedMetrics({
    read,
    store,
    blobTotals: blobTotals.totals,
    certificates,
    now,
    reportFailure,
  });
  return {
    health,
    jobHandler: createExpiryAnnouncements({
      database,
      certificates,
      robotName: options.robotName,
      onExpiring: options.onExpiring,
    }),
    async scheduleJobs(jobs) {
      if ((await jobs.schedule(expiryKind)) !== undefined) return;
      await jobs.setSchedule(expiryKind, expirySchedule, {
        kind: expiryKind,
        slot: expiryKind,
        input: {},
      });
    },
    answerProbe: probes.handle,
    stopping: probes.stopping,
    addRoutes: (application, access) => addMetricsRoutes(application, { ...access, shared }),
    stop: blobTotals.stop,
  };
}
