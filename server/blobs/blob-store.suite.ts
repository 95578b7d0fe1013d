import { describe } from 'node:test';
import { describeBlobs } from './conformance/blobs.ts';
import { describeSending } from './conformance/sending.ts';
import type { OpenStore } from './conformance/support.ts';
import { describeUploads } from './conformance/uploads.ts';

/** What every blob store promises, whatever keeps its bytes. */
export function blobStoreSuite(name: string, open: OpenStore): void {
  describe(name, () => {
    describeUploads(open);
    describeBlobs(open);
    describeSending(open);
  });
}
