/** A piece of memory that one transfer holds at a time. */
export interface Slot {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Whether it is cut from the region that all threads share from the start. */
  readonly pooled: boolean;
}

const SLOT_BYTES = 1024 * 1024;
const POOLED_SLOTS = 64;
const OVERFLOW_SLOT_BYTES = 64 * 1024;

/**
 * The buffers of every transfer of a store. Its region is mapped at once, but costs memory only as
 * far as it has been used; the slot used last is handed out first.
 *
 * Nobody ever waits for a slot: slow clients could hold them all. When none is left, transfers get
 * small buffers of their own and go on, slower.
 */
export class TransferMemory {
  readonly region = new SharedArrayBuffer(SLOT_BYTES * POOLED_SLOTS);
  readonly #free: Slot[] = Array.from({ length: POOLED_SLOTS }, (_, index) => ({
    bytes: new Uint8Array(this.region, index * SLOT_BYTES, SLOT_BYTES),
    pooled: true,
  }));

  take(): Slot {
    return this.#free.pop() ?? overflowSlot();
  }

  /** Gives back a slot that nothing reads or writes any more. */
  give(slot: Slot): void {
    if (slot.pooled) this.#free.push(slot);
  }
}

function overflowSlot(): Slot {
  return { bytes: new Uint8Array(new SharedArrayBuffer(OVERFLOW_SLOT_BYTES)), pooled: false };
}
