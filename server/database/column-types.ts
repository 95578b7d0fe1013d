import type { ColumnType } from 'kysely';

/** Milliseconds since the epoch. */
export type Timestamp = number;
/** A boolean, as SQLite and PostgreSQL both keep it. */
export type Flag = 0 | 1;
/** A JSON text. */
export type Json = string;
/** Written once, never changed. */
export type Fixed<T> = ColumnType<T, T, never>;
