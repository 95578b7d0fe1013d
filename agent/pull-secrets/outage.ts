/** A time in which something fails again and again; it is over when nothing was heard for a while. */
export interface Outage {
  failed(): void;
  close(): void;
}

/** @param quietMilliseconds longer than the pause between two tries */
export function createOutage(quietMilliseconds: number, over: () => void): Outage {
  let timer: NodeJS.Timeout | undefined;
  return {
    failed() {
      clearTimeout(timer);
      timer = setTimeout(over, quietMilliseconds);
    },
    close: () => clearTimeout(timer),
  };
}
