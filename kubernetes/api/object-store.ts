import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesApi, Selection } from './api.ts';
import { isExpired, isForbidden } from './errors.ts';
import type { KubernetesObject } from './objects.ts';
import { listPages } from './pages.ts';
import type { Resource } from './resources.ts';

/** One change of one object. What follows a cut is told as what changed meanwhile. */
export type Change<Kept> =
  | { readonly kind: 'added'; readonly item: Kept }
  | { readonly kind: 'changed'; readonly item: Kept; readonly before: Kept }
  | { readonly kind: 'deleted'; readonly item: Kept };

export type HearChange<Kept> = (change: Change<Kept>) => void;

/** What is known of a resource at this moment, kept up to date by a list and a watch. */
export interface ObjectStore<Kept> {
  /** Resolves when the first list is in. */
  readonly filled: Promise<void>;
  get(name: string, namespace?: string): Kept | undefined;
  values(): Iterable<Kept>;
  readonly size: number;
  /**
   * Hears of what is there (`added`) before this returns, and of every change from then on, once.
   * Returns how to hear no more.
   */
  subscribe(hear: HearChange<Kept>): () => void;
  /** Lists anew, for whoever doubts what is known. */
  relist(): void;
}

export interface ObjectStoreOptions<Item, Kept> extends Selection {
  readonly api: KubernetesApi;
  readonly resource: Resource<Item>;
  /** What is kept of an object: the less, the less memory. */
  readonly keep: (item: Item) => Kept;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Hears of what failed, once for each time; the work goes on by itself. */
  readonly report: (error: unknown) => void;
  readonly relistMilliseconds?: number;
  readonly pageSize?: number;
}

interface Entry<Kept> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly kept: Kept;
}

/** Between a failure and the next try: short and fixed, since credentials wait for it. */
const retryMilliseconds = 1_000;
/** What may not be done is not asked for every second: that takes somebody else to mend. */
const longestRetryMilliseconds = 15_000;
const tenMinutes = 600_000;
/** A server ends watches after at most this; spread, so that not all of them end at once. */
const longestWatchSeconds = 300;

/**
 * Lists a resource and watches it from there. A watch that ends goes on where it was; one whose
 * place is forgotten (410) begins with another list, and so does every one after `relistMilliseconds`.
 */
export function createObjectStore<Item extends KubernetesObject, Kept = Item>(
  options: ObjectStoreOptions<Item, Kept>,
): ObjectStore<Kept> {
  const { api, resource, keep, signal, report, relistMilliseconds = tenMinutes } = options;
  const { pageSize } = options;
  const selection: Selection = {
    ...(options.namespace !== undefined && { namespace: options.namespace }),
    ...(options.labels !== undefined && { labels: options.labels }),
    ...(options.fields !== undefined && { fields: options.fields }),
    ...(options.metadataOnly !== undefined && { metadataOnly: options.metadataOnly }),
  };
  const entries = new Map<string, Entry<Kept>>();
  const listeners = new Set<HearChange<Kept>>();
  const filled = Promise.withResolvers<void>();
  let cutWatch = new AbortController();
  let listedAt = Number.NEGATIVE_INFINITY;
  let forbidden = 0;

  function tell(change: Change<Kept>): void {
    for (const hear of listeners) hearSafely(hear, change);
  }

  function hearSafely(hear: HearChange<Kept>, change: Change<Kept>): void {
    try {
      hear(change);
    } catch (error) {
      report(error);
    }
  }

  function put(item: Item): void {
    const { uid = '', resourceVersion = '' } = item.metadata;
    const key = keyOf(item);
    const before = entries.get(key);
    if (before?.uid === uid && before.resourceVersion === resourceVersion) return;
    const kept = keep(item);
    entries.set(key, { uid, resourceVersion, kept });
    if (before?.uid === uid) tell({ kind: 'changed', item: kept, before: before.kept });
    else {
      if (before !== undefined) tell({ kind: 'deleted', item: before.kept });
      tell({ kind: 'added', item: kept });
    }
  }

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    tell({ kind: 'deleted', item: entry.kept });
  }

  /** Returns the version that a watch goes on from. */
  async function list(): Promise<string> {
    const seen = new Set<string>();
    let version = '';
    for await (const page of listPages(api, resource, {
      ...selection,
      ...(pageSize !== undefined && { pageSize }),
      signal,
    })) {
      signal.throwIfAborted();
      for (const item of page.items) {
        seen.add(keyOf(item));
        put(item);
      }
      version = page.metadata.resourceVersion ?? '';
    }
    for (const key of [...entries.keys()].filter((key) => !seen.has(key))) remove(key);
    listedAt = performance.now();
    forbidden = 0;
    return version;
  }

  /** Follows changes from a version; returns the one to go on from. */
  async function follow(from: string): Promise<string> {
    let version = from;
    cutWatch = new AbortController();
    const due = listedAt + relistMilliseconds - performance.now();
    const seconds = Math.min(
      randomInt(longestWatchSeconds / 2, longestWatchSeconds),
      Math.max(1, Math.ceil(due / 1_000)),
    );
    const begun = performance.now();
    try {
      const events = api.watch(resource, {
        ...selection,
        signal: AbortSignal.any([signal, cutWatch.signal, overdue(seconds)]),
        resourceVersion: version,
        timeoutSeconds: seconds,
      });
      for await (const event of events) {
        if (event.type === 'BOOKMARK') {
          version = event.resourceVersion || version;
          continue;
        }
        if (event.type === 'DELETED') remove(keyOf(event.object));
        else put(event.object);
        version = event.object.metadata.resourceVersion ?? version;
      }
      // A server that ends watches at once is not asked in a busy loop.
      if (performance.now() - begun < retryMilliseconds) await pause();
    } catch (error) {
      if (cutWatch.signal.aborted || signal.aborted) return version;
      if (isExpired(error)) throw error;
      report(error);
      await pause(error);
    }
    return version;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        let version = await list();
        filled.resolve();
        while (!signal.aborted && performance.now() - listedAt < relistMilliseconds) {
          version = await follow(version);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!isExpired(error)) report(error);
        // The first 410 of a while is followed by a list at once.
        const justListed = performance.now() - listedAt < retryMilliseconds;
        if (!isExpired(error) || justListed) await pause(error);
        listedAt = Number.NEGATIVE_INFINITY;
      }
    }
  }

  async function pause(after?: unknown): Promise<void> {
    forbidden = isForbidden(after) ? forbidden + 1 : 0;
    const grown = retryMilliseconds * 2 ** Math.max(0, forbidden - 1);
    const milliseconds = Math.min(grown, longestRetryMilliseconds);
    await wait(milliseconds, undefined, { signal }).catch(() => undefined);
  }

  void run();
  return {
    filled: filled.promise,
    get: (name, namespace) => entries.get(`${namespace ?? ''}/${name}`)?.kept,
    *values() {
      for (const { kept } of entries.values()) yield kept;
    },
    get size() {
      return entries.size;
    },
    subscribe(hear) {
      listeners.add(hear);
      for (const { kept } of [...entries.values()]) hearSafely(hear, { kind: 'added', item: kept });
      return () => void listeners.delete(hear);
    },
    relist() {
      listedAt = Number.NEGATIVE_INFINITY;
      cutWatch.abort();
    },
  };
}

/** A server that hangs does not end a watch by itself. */
function overdue(seconds: number): AbortSignal {
  return AbortSignal.timeout((seconds + 30) * 1_000);
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
