import type { Slot, TransferMemory } from '../transfer-memory.ts';

/** Leaves no shared slot to others. */
export function takeAllPooled(memory: TransferMemory): Slot[] {
  const slots: Slot[] = [];
  for (let slot = memory.take(); slot.pooled; slot = memory.take()) slots.push(slot);
  return slots;
}
