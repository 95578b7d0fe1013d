import type { AnyWrite } from '#server/database/database.ts';
import { jobWrites } from '../writes.ts';

export const writes: readonly AnyWrite[] = jobWrites;
