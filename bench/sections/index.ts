import type { Section } from '../section.ts';
import { blobSection } from './blobs.ts';
import { collectionSection } from './collection.ts';
import { listSection } from './lists.ts';
import { manifestSection } from './manifests.ts';
import { memorySection } from './memory.ts';
import { pushSection } from './pushes.ts';
import { tokenSection } from './tokens.ts';
import { workerSection } from './workers.ts';

/** In the order that they run in. */
export const sections: readonly Section[] = [
  manifestSection('sqlite'),
  blobSection,
  pushSection,
  listSection,
  memorySection,
  collectionSection,
  tokenSection,
  workerSection,
  manifestSection('postgres'),
];
