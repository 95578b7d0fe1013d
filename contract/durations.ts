/** A duration that never ends, and the expiry of a robot that has it. */
export const neverExpires = -1;
