import type { AnyWrite } from '#server/database/database.ts';
import {
  beginDeletions,
  endDeletions,
  holdDeletions,
  releaseDeletionHold,
  renewDeletionHold,
} from './writes/holds.ts';

export {
  type DeletionsUnderWay,
  holdDeletions,
  releaseDeletionHold,
  renewDeletionHold,
} from './writes/holds.ts';

export const garbageCollectionWrites: readonly AnyWrite[] = [
  holdDeletions,
  renewDeletionHold,
  releaseDeletionHold,
  beginDeletions,
  endDeletions,
];
