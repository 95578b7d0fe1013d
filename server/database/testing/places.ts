import assert from 'node:assert/strict';
import type { Database } from '../database.ts';

/** Somewhere empty that a database can be opened in again and again. */
export interface Place {
  open(): Promise<Database>;
  remove(): Promise<void>;
}

export type Opened = (
  run: (database: Database, place: Place) => Promise<void>,
) => () => Promise<void>;

/** Makes tests of what runs on a database of its own. */
export function openedIn(makePlace: () => Promise<Place>): Opened {
  return (run) => async () => {
    const place = await makePlace();
    try {
      const database = await place.open();
      try {
        await run(database, place);
      } finally {
        await database.close();
      }
    } finally {
      await place.remove();
    }
  };
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail('it resolved'),
    (error: unknown) => error,
  );
}

export async function secretNames(database: Database): Promise<string[]> {
  const rows = await database.read.selectFrom('secrets').select('name').orderBy('name').execute();
  return rows.map((row) => row.name);
}

export function secret(name: string): { name: string; sealed: Uint8Array } {
  return { name, sealed: Uint8Array.of(1) };
}

export function every(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}
