import type { AnyWrite } from '#server/database/database.ts';
import { linkUploadedBlob, mountBlob, renewBlobLink, unlinkBlob } from './writes/blobs.ts';
import { deleteManifest, deleteTag, putManifest } from './writes/manifests.ts';
import {
  createUpload,
  deleteUpload,
  expireUploads,
  leaseUpload,
  releaseUpload,
  renewUpload,
} from './writes/uploads.ts';

export const registryWrites: readonly AnyWrite[] = [
  linkUploadedBlob,
  mountBlob,
  renewBlobLink,
  unlinkBlob,
  putManifest,
  deleteManifest,
  deleteTag,
  createUpload,
  leaseUpload,
  renewUpload,
  releaseUpload,
  deleteUpload,
  expireUploads,
];
