import type { AnyWrite } from '#server/database/database.ts';
import { linkUploadedBlob, mountBlob, renewBlobLink, unlinkBlob } from './writes/blobs.ts';
import { deleteManifest, deleteTag } from './writes/deletions.ts';
import { renewManifestLease } from './writes/manifest-leases.ts';
import { putManifest } from './writes/manifests.ts';
import {
  linkNeededBlob,
  markBlobFound,
  markBlobLost,
  replaceManifestEdges,
} from './writes/repairs.ts';
import {
  createUpload,
  deleteUpload,
  expireUploads,
  leaseUpload,
  releaseUpload,
  renewUpload,
} from './writes/uploads.ts';

export { deleteManifest, removeManifest } from './writes/deletions.ts';
export { dependentsOf, digestOfDependentTag } from './writes/dependents.ts';
export { blobEdges } from './writes/links.ts';
export type { ManifestEdge } from './writes/manifests.ts';
export {
  linkNeededBlob,
  markBlobFound,
  markBlobLost,
  replaceManifestEdges,
} from './writes/repairs.ts';

export const registryWrites: readonly AnyWrite[] = [
  linkUploadedBlob,
  mountBlob,
  renewBlobLink,
  unlinkBlob,
  putManifest,
  renewManifestLease,
  deleteManifest,
  deleteTag,
  createUpload,
  leaseUpload,
  renewUpload,
  releaseUpload,
  deleteUpload,
  expireUploads,
  markBlobLost,
  markBlobFound,
  linkNeededBlob,
  replaceManifestEdges,
];
