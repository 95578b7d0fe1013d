import type { Transaction } from '#server/database/database.ts';

/** What happened, as other features hear of it. */
export type BerthEvent =
  | {
      readonly type: 'manifest.pushed';
      readonly repository: string;
      readonly manifestId: number;
      readonly digest: string;
      readonly tags: readonly string[];
      readonly by: string;
    }
  | {
      readonly type: 'manifest.deleted';
      readonly repository: string;
      readonly digest: string;
      readonly tags: readonly string[];
      readonly by: string;
    }
  | {
      readonly type: 'repository.deleted';
      readonly repository: string;
      readonly by: string;
    }
  | {
      readonly type: 'tag.deleted';
      readonly repository: string;
      readonly digest: string;
      readonly tag: string;
      readonly by: string;
    }
  | {
      /** The secret of a robot in use ends soon, or has just ended. Times are milliseconds since 1970. */
      readonly type: 'robot.expiring';
      /** As it signs in. */
      readonly robot: string;
      readonly expiresAt: number;
    }
  | {
      readonly type: 'certificate.expiring';
      /** `leaf`: the one of the server; `authority`: the one that issued it here. */
      readonly certificate: 'leaf' | 'authority';
      /** SHA-256, as `AB:CD:…`. */
      readonly fingerprint: string;
      readonly expiresAt: number;
    };

/** Writes an event in the transaction of the change that it tells of. */
export async function emit(transaction: Transaction, event: BerthEvent, now: number) {
  const { type, ...payload } = event;
  await transaction
    .insertInto('events')
    .values({
      type,
      payload: JSON.stringify(payload),
      created_at: now,
      lease_until: 0,
      attempts: 0,
    })
    .execute();
}
