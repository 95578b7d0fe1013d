import type { FailureLimitsOptions } from '#features/auth';
import type { Config } from '#server/config/config.ts';
import type { MetricSnapshot } from '#server/telemetry/metrics.ts';
import type { Started } from '../serving.ts';

/** What the supervisor does for a worker. */
export interface SupervisorMethods {
  /** Runs a registered write of the SQLite database. */
  write(asked: { readonly name: string; readonly input: unknown }): Promise<unknown>;
  /** Counts a failure to sign in, and tells when there were too many. */
  countFailure(failure: Failure): Promise<TooMany | undefined>;
  forgiveFailure(failure: Failure): Promise<void>;
  /** What each process of the server tells of itself. */
  gatherProcesses(): Promise<readonly (readonly MetricSnapshot[])[]>;
}

/** What a worker does for the supervisor. */
export interface WorkerMethods {
  /** Answers once the worker listens. */
  start(order: StartOrder): Promise<Started>;
  processMetrics(): Promise<readonly MetricSnapshot[]>;
  /** Answers once every request has ended and everything is closed: the worker ends. */
  stop(): Promise<void>;
}

export interface Failure {
  readonly kind: string;
  readonly options: FailureLimitsOptions;
  readonly name: string;
  readonly address: string;
}

export interface TooMany {
  readonly message: string;
  readonly retryAfterSeconds: number;
}

export interface StartOrder {
  readonly config: SentConfig;
  /** Whether this worker clears away what clients left unfinished. */
  readonly sweeps: boolean;
}

/** A `Config` as it crosses between processes. */
export type SentConfig = Omit<Config, 'publicUrl'> & { readonly publicUrl: string };
