/** How far a long work has come. */
export interface Progress {
  /** What is being done, as in `reading blobs`. */
  readonly step: string;
  readonly done: number;
  /** Of `done`; undefined while it is not known. */
  readonly total: number | undefined;
  /** Bytes that were read or written by this step. */
  readonly bytes: number;
}

export type ReportProgress = (progress: Progress) => void;
