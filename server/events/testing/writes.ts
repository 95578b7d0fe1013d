import type { AnyWrite, Write } from '#server/database/database.ts';
import { type BerthEvent, emit } from '../events.ts';
import { eventWrites } from '../outbox.ts';

export const emitEvents: Write<{ events: readonly BerthEvent[]; now: number }, void> = {
  name: 'testing.emit-events',
  durability: 'durable',
  async run(transaction, { events, now }) {
    for (const event of events) await emit(transaction, event, now);
  },
};

export const writes: readonly AnyWrite[] = [...eventWrites, emitEvents];
