/** What `berth verify` may find. */
export type FindingKind =
  | 'blob-missing'
  | 'blob-damaged'
  | 'blob-unreadable'
  | 'blob-lost'
  | 'blob-found-again'
  | 'blob-not-linked'
  | 'blob-absent'
  | 'manifest-damaged'
  | 'edges-wrong'
  | 'tag-astray'
  | 'orphaned-file'
  | 'orphaned-upload';

export interface Finding {
  readonly kind: FindingKind;
  /** A digest, `repository@digest`, `repository:tag` or a storage key. */
  readonly subject: string;
  /** What is wrong, as a sentence. */
  readonly problem: string;
  /** What to do, as a sentence with the command; undefined once nothing has to be done. */
  readonly cure: string | undefined;
  /** What this run has done about it, as a sentence. */
  readonly repair: string | undefined;
}

/** More than anybody reads; the rest is counted, and repaired all the same. */
const listed = 10_000;

/** Findings in the order that they were made. */
export class Findings {
  readonly #list: Finding[] = [];
  #count = 0;
  #open = 0;

  add(finding: Finding): void {
    this.#count += 1;
    if (finding.cure !== undefined) this.#open += 1;
    if (this.#list.length < listed) this.#list.push(finding);
  }

  get list(): readonly Finding[] {
    return this.#list;
  }

  get count(): number {
    return this.#count;
  }

  /** How many still need somebody to do something. */
  get open(): number {
    return this.#open;
  }
}
