import type { AnyWrite } from '#server/database/database.ts';
import { doomBlobs, dropLinks, forgetBlobs } from './writes/blobs.ts';
import {
  beginDeletions,
  endDeletions,
  holdDeletions,
  releaseDeletionHold,
  renewDeletionHold,
} from './writes/holds.ts';
import { collectManifests } from './writes/manifests.ts';
import { abandonUploads } from './writes/uploads.ts';

export { holdDeletions, releaseDeletionHold, renewDeletionHold } from './writes/holds.ts';

export const garbageCollectionWrites: readonly AnyWrite[] = [
  holdDeletions,
  renewDeletionHold,
  releaseDeletionHold,
  beginDeletions,
  endDeletions,
  collectManifests,
  dropLinks,
  doomBlobs,
  forgetBlobs,
  abandonUploads,
];
