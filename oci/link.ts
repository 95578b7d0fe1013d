const maximumHeaderLength = 16_384;

/**
 * The target of the first link whose relation is `next`, as the header writes it (RFC 8288);
 * undefined when there is none.
 */
export function nextLink(header: string | undefined): string | undefined {
  if (header === undefined || header.length > maximumHeaderLength) return undefined;
  let position = 0;
  for (;;) {
    const open = header.indexOf('<', position);
    const close = header.indexOf('>', open + 1);
    if (open < 0 || close < 0) return undefined;
    const following = header.indexOf('<', close);
    const end = following < 0 ? header.length : following;
    if (/;\s*rel="?next"?\s*(?:[;,]|$)/i.test(header.slice(close + 1, end))) {
      return header.slice(open + 1, close);
    }
    position = end;
  }
}
