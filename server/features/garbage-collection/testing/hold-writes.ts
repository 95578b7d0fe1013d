import type { AnyWrite } from '#server/database/database.ts';
import { garbageCollectionWrites } from '../writes.ts';

export const writes: readonly AnyWrite[] = garbageCollectionWrites;
