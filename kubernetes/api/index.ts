export {
  createKubernetesApi,
  type JsonPatchOperation,
  type KubernetesApi,
  type ListChoice,
  type Patch,
} from './api.ts';
export { inClusterConnection, type KubernetesConnection } from './connection.ts';
export {
  isAlreadyThere,
  isConflict,
  isExpired,
  isForbidden,
  isNotFound,
  KubernetesError,
  KubernetesUnreachable,
} from './errors.ts';
export {
  type Change,
  createObjectStore,
  type HearChange,
  type ObjectStore,
} from './object-store.ts';
export type * from './objects.ts';
export { listAll, listPages, type PagesChoice } from './pages.ts';
export { type ObjectPlace, type Resource, resources } from './resources.ts';
export {
  type AccessQuestion,
  mayI,
  myRules,
  requestToken,
  reviewToken,
  type TokenVerdict,
} from './reviews.ts';
export type { WatchEvent } from './watch-events.ts';
