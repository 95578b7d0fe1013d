import type { AnyWrite } from '#server/database/database.ts';
import { linkUploadedBlob, mountBlob, renewBlobLink, unlinkBlob } from './blobs.ts';
import { deleteManifest, deleteTag, putManifest } from './manifests.ts';
import {
  createUpload,
  deleteUpload,
  expireUploads,
  leaseUpload,
  releaseUpload,
  renewUpload,
} from './uploads.ts';

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
