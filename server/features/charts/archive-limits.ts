export interface ArchiveLimits {
  readonly compressedBytes: number;
  readonly unpackedBytes: number;
  readonly entries: number;
  /** Of one file that is kept. */
  readonly fileBytes: number;
  /** Of all files that are kept. */
  readonly keptBytes: number;
}

/** Helm itself opens charts of up to 100 MiB unpacked; what is kept here is read by people. */
export const archiveLimits: ArchiveLimits = {
  compressedBytes: 32 * 1024 * 1024,
  unpackedBytes: 64 * 1024 * 1024,
  entries: 10_000,
  fileBytes: 1024 * 1024,
  keptBytes: 8 * 1024 * 1024,
};
