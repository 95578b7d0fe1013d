/** `2026-03-01 12:34 UTC`, as people read it and as the command line prints times. */
export function moment(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
