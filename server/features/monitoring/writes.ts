import type { AnyWrite, Write } from '#server/database/database.ts';
import { type BerthEvent, emit } from '#server/events/events.ts';

export type ExpiryEvent = Extract<
  BerthEvent,
  { readonly type: 'robot.expiring' | 'certificate.expiring' }
>;

export interface AnnounceExpiry {
  readonly events: readonly ExpiryEvent[];
  readonly now: number;
}

export const announceExpiry: Write<AnnounceExpiry, void> = {
  name: 'monitoring.announce-expiry',
  durability: 'durable',
  async run(transaction, { events, now }) {
    for (const event of events) await emit(transaction, event, now);
  },
};

export const monitoringWrites: readonly AnyWrite[] = [announceExpiry];
