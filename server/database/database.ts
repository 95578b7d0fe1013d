import type { Compilable, Kysely } from 'kysely';
import type { MaybePromise } from '#lib/maybe-promise.ts';
import type { CacheCounts } from '#server/telemetry/cache-counts.ts';
import type { MemoryKey } from './memory.ts';
import type { Tables } from './tables.ts';

/** Typed SQL inside one transaction. */
export type Transaction = Kysely<Tables>;
/** Typed SQL over what is committed. Never used to write. */
export type Reader = Kysely<Tables>;

/**
 * How well a write is kept. `durable`: on stable storage before its promise resolves.
 * `transient`: visible at once, may be lost with the machine, in tables of its own (uploads).
 * A transaction touches tables of one kind only.
 */
export type Durability = 'durable' | 'transient';

/**
 * A named transaction. On SQLite it runs in the writer thread, so its input and output are
 * structured-cloneable and it waits for nothing but its own statements; on PostgreSQL it may run
 * again after a collision. Either way it lets the error of a statement pass. A `Refusal` or
 * `OciError` that it throws reaches the caller as the same error, and nothing of the transaction
 * remains.
 */
export interface Write<Input, Output> {
  /** Unique, `feature.operation`. */
  readonly name: string;
  readonly durability: Durability;
  run(transaction: Transaction, input: Input): Promise<Output>;
}

/** Any write, whatever its input and output: what a list of them holds. */
// biome-ignore lint/suspicious/noExplicitAny: a list of writes of all shapes has no narrower type
export type AnyWrite = Write<any, any>;

/**
 * A query compiled once. It answers at once on SQLite and by a promise on PostgreSQL: `await` it.
 */
export type PreparedQuery<Parameters extends readonly unknown[], Row> = (
  ...parameters: Parameters
) => MaybePromise<Row | undefined>;

/**
 * Stands for the argument at `index` while a prepared query is built; name its type, as in
 * `placeholder<string>(0)`.
 */
export type Placeholder = <T>(index: number) => T;

/** Connections of this process, and how many wait for one. */
export interface PoolState {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

export interface Database {
  readonly dialect: 'sqlite' | 'postgres';
  readonly read: Reader;
  /** Runs `operation` in a transaction, and resolves once it is kept as well as it asks for. */
  write<Input, Output>(operation: Write<Input, Output>, input: Input): Promise<Output>;
  /** The first row of a query that is built and compiled once, for the hot path. */
  prepare<Parameters extends readonly unknown[], Row>(
    build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
  ): PreparedQuery<Parameters, Row>;
  /** Lets `use` read one state that nothing changes meanwhile, however long it takes. */
  snapshot<Result>(use: (read: Reader) => Promise<Result>): Promise<Result>;

  /**
   * As `prepare`, for small rows of durable tables that are asked for again and again: answers from
   * memory, at least as new as the last `refresh` and every write of this process that has resolved.
   * Whoever is answered changes nothing of the row.
   */
  prepareRemembered<Parameters extends readonly MemoryKey[], Row>(
    build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
  ): PreparedQuery<Parameters, Row>;
  /**
   * Makes what remembered queries answer at least as new as this call, whoever wrote it. Every
   * request calls it once, when it arrives.
   * @throws {Refusal} `unavailable`
   */
  refresh(): MaybePromise<void>;
  /** Of what remembered queries were asked. */
  readonly remembered: CacheCounts;
  /** Of PostgreSQL. */
  readonly pool?: () => PoolState;
  close(): Promise<void>;
}
