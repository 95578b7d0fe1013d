import type { KubernetesConnection } from './connection.ts';
import { isNotFound, KubernetesUnreachable } from './errors.ts';
import type { KubernetesList, KubernetesObject } from './objects.ts';
import { apiVersionOf, type ObjectPlace, pathOf, type Resource } from './resources.ts';
import { createTransport, type TransportLimits } from './transport.ts';
import { readEvents, type WatchEvent } from './watch-events.ts';

export interface RequestChoice {
  readonly signal?: AbortSignal;
}

export interface Selection {
  /** Of one namespace; of all where it is absent. */
  readonly namespace?: string;
  /** As in `kubectl --selector`. */
  readonly labels?: string;
  readonly fields?: string;
  /** Only `metadata` of each object is asked for. */
  readonly metadataOnly?: boolean;
}

export interface ListChoice extends Selection, RequestChoice {
  /** Of one page; the answer's `metadata.continue` leads to the next. */
  readonly limit?: number;
  readonly continue?: string;
}

export interface WatchChoice extends Selection, RequestChoice {
  readonly resourceVersion: string;
  /** After which the server ends it. */
  readonly timeoutSeconds: number;
}

/** Kinds of patches: a JSON merge patch, a strategic one, operations, or a server-side apply. */
export type Patch =
  | { readonly type: 'merge' | 'strategic'; readonly body: object }
  | { readonly type: 'json'; readonly body: readonly JsonPatchOperation[] }
  | { readonly type: 'apply'; readonly body: KubernetesObject; readonly force?: boolean };

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

export interface DeleteChoice extends RequestChoice {
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  /** Only this very object, and not a later one of its name. */
  readonly uid?: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Every function throws a `KubernetesError` for what is refused, else `KubernetesUnreachable`. */
export interface KubernetesApi {
  get<Item>(resource: Resource<Item>, place: ObjectPlace, choice?: RequestChoice): Promise<Item>;
  /** As `get`; undefined for what is not there. */
  find<Item>(
    resource: Resource<Item>,
    place: ObjectPlace,
    choice?: RequestChoice,
  ): Promise<Item | undefined>;
  list<Item>(resource: Resource<Item>, choice?: ListChoice): Promise<KubernetesList<Item>>;
  /** Where it goes is read from `object.metadata`. */
  create<Item extends KubernetesObject>(
    resource: Resource<Item>,
    object: Item,
    choice?: RequestChoice,
  ): Promise<Item>;
  /** What its owner answers for things that are asked rather than kept: reviews. */
  ask<Question extends object>(
    resource: Resource<Question>,
    question: Question,
    choice?: RequestChoice,
  ): Promise<Question>;
  /** A conflict where the object has another `resourceVersion` by now. */
  replace<Item extends KubernetesObject>(
    resource: Resource<Item>,
    object: Item,
    choice?: RequestChoice,
  ): Promise<Item>;
  patch<Item>(
    resource: Resource<Item>,
    place: ObjectPlace,
    patch: Patch,
    choice?: RequestChoice,
  ): Promise<Item>;
  /** Whether there was something to delete. */
  delete(resource: Resource<unknown>, place: ObjectPlace, choice?: DeleteChoice): Promise<boolean>;
  /** `serviceaccounts/NAME/token`, `pods/NAME/eviction`, … */
  createSubresource<Body extends object>(
    resource: Resource<unknown>,
    place: ObjectPlace,
    subresource: string,
    body: Body,
    choice?: RequestChoice,
  ): Promise<Body>;
  podLog(
    place: ObjectPlace,
    choice?: RequestChoice & { readonly container?: string; readonly tailLines?: number },
  ): Promise<string>;
  /** JSON from a path outside of resources: `/version`, `/openid/v1/jwks`. */
  getPath(path: string, choice?: RequestChoice): Promise<unknown>;
  /** Ends with the server's end of it, or with an error. */
  watch<Item>(resource: Resource<Item>, choice: WatchChoice): AsyncIterable<WatchEvent<Item>>;
  close(): void;
}

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};
/** Key sets are answered under a type of their own only. */
const anyJson = 'application/json, application/jwk-set+json';
const fieldManager = 'berth';
const ofMetadata = 'g=meta.k8s.io;v=v1';

/** Talks to one API server. `close` when done: its connections stay open meanwhile. */
export function createKubernetesApi(
  connection: KubernetesConnection,
  limits?: TransportLimits,
): KubernetesApi {
  const transport = createTransport(connection, limits);

  async function json<Body>(...question: Parameters<typeof transport.text>): Promise<Body> {
    return parse(await transport.text(...question)) as Body;
  }

  const api: KubernetesApi = {
    get: (resource, place, choice) =>
      json({ method: 'GET', path: pathOf(resource, place), ...choice }),
    find: async (resource, place, choice) => {
      try {
        return await api.get(resource, place, choice);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    list: async (resource, { signal, limit, continue: rest, ...selection } = {}) =>
      listOf(
        await json({
          method: 'GET',
          path: selectionPath(resource, selection, { limit, continue: rest }),
          accept: acceptOf('PartialObjectMetadataList', selection),
          signal,
        }),
      ),
    create: (resource, object, choice) =>
      json({
        method: 'POST',
        path: withQuery(pathOf(resource, { namespace: object.metadata.namespace }), {
          fieldManager,
        }),
        body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
        ...choice,
      }),
    ask: (resource, question, choice) =>
      json({
        method: 'POST',
        path: pathOf(resource),
        body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...question },
        ...choice,
      }),
    replace: (resource, object, choice) =>
      json({
        method: 'PUT',
        path: withQuery(pathOf(resource, placeOf(object)), { fieldManager }),
        body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
        ...choice,
      }),
    patch: (resource, place, patch, choice) =>
      json({
        method: 'PATCH',
        path: withQuery(pathOf(resource, place), {
          fieldManager,
          force: patch.type === 'apply' && patch.force ? true : undefined,
        }),
        contentType: patchTypes[patch.type],
        body:
          patch.type === 'apply'
            ? { apiVersion: apiVersionOf(resource), kind: resource.kind, ...patch.body }
            : patch.body,
        ...choice,
      }),
    delete: async (resource, place, { signal, propagation, gracePeriodSeconds, uid } = {}) => {
      try {
        await transport.text({
          method: 'DELETE',
          path: pathOf(resource, place),
          body: {
            apiVersion: 'v1',
            kind: 'DeleteOptions',
            propagationPolicy: propagation ?? 'Background',
            ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
            ...(uid !== undefined && { preconditions: { uid } }),
          },
          signal,
        });
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
    createSubresource: (resource, place, subresource, body, choice) =>
      json({ method: 'POST', path: pathOf(resource, place, subresource), body, ...choice }),
    podLog: (place, { signal, container, tailLines } = {}) =>
      transport.text({
        method: 'GET',
        path: withQuery(`${podPath(place)}/log`, { container, tailLines }),
        accept: '*/*',
        signal,
      }),
    getPath: (path, choice) => json({ method: 'GET', path, accept: anyJson, ...choice }),
    watch: <Item>(
      resource: Resource<Item>,
      { signal, resourceVersion, timeoutSeconds, ...selection }: WatchChoice,
    ) =>
      readEvents<Item>(async (ended) =>
        transport.stream({
          method: 'GET',
          path: selectionPath(resource, selection, {
            watch: true,
            allowWatchBookmarks: true,
            resourceVersion,
            timeoutSeconds,
          }),
          accept: acceptOf('PartialObjectMetadata', selection),
          signal: signal === undefined ? ended : AbortSignal.any([signal, ended]),
        }),
      ),
    close: transport.close,
  };
  return api;
}

function podPath({ name, namespace }: ObjectPlace): string {
  return pathOf(
    { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
    { name, namespace },
  );
}

function placeOf({ metadata }: KubernetesObject): ObjectPlace {
  return { name: metadata.name, namespace: metadata.namespace };
}

function selectionPath(
  resource: Resource<unknown>,
  { namespace, labels, fields }: Selection,
  query: Query,
): string {
  return withQuery(pathOf(resource, { namespace }), {
    ...query,
    labelSelector: labels,
    fieldSelector: fields,
  });
}

function acceptOf(kind: string, { metadataOnly }: Selection): string | undefined {
  return metadataOnly ? `application/json;as=${kind};${ofMetadata}` : undefined;
}

function withQuery(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KubernetesUnreachable('The API server answered with what is no JSON.', {
      cause: error,
    });
  }
}

/** An empty list may come as null. */
function listOf<Item>(answer: {
  readonly metadata?: KubernetesList<Item>['metadata'];
  readonly items?: readonly Item[] | null;
}): KubernetesList<Item> {
  if (typeof answer !== 'object' || answer === null || !Array.isArray(answer.items ?? [])) {
    throw new KubernetesUnreachable('The API server answered with what is no list.');
  }
  return { metadata: answer.metadata ?? {}, items: answer.items ?? [] };
}
