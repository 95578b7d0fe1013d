/** A caller's text as a message may show it: quoted, cut, control characters escaped. */
export function quote(text: string, most = 128): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}…` : text);
}
