import type { CrossingError } from './crossing.ts';

/** What the writer thread is started with. */
export interface WriterSettings {
  readonly folder: string;
  /** The address of the module that exports `writes`. */
  readonly writes: string;
}

export type ToWriter =
  | { readonly kind: 'write'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unable'; readonly error: CrossingError }
  | { readonly kind: 'results'; readonly results: readonly WriteResult[] };

export type WriteResult =
  | { readonly id: number; readonly kept: true; readonly output: unknown }
  | { readonly id: number; readonly kept: false; readonly error: CrossingError };
