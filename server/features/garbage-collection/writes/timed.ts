/** What a write did, and how long it held the database. */
export type Timed<Output> = Output & { readonly milliseconds: number };
