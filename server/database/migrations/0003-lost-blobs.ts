import type { Migration } from './migration.ts';

export const lostBlobs: Migration = {
  version: 3,
  statements: {
    durable: ({ integer }) => [`alter table blobs add column lost_at ${integer}`],
    transient: () => [],
  },
};
