export { collectionKind, createCollectionHandler } from './handler.ts';
export { type DeletionHold, holdFileDeletions } from './holds.ts';
export { addCollectionRoutes } from './routes.ts';
