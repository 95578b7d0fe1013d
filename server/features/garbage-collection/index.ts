export { type DeletionHold, holdFileDeletions } from './holds.ts';
