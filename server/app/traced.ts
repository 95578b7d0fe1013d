import { isProbe } from '#features/monitoring';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { Subscriber } from '#server/events/outbox.ts';
import type { JobHandler } from '#server/jobs/jobs.ts';
import type { Traces } from '#server/telemetry/traces.ts';
import type { RequestHandler } from './routes.ts';

/** Probes are left out: they come for ever and say nothing. */
export function tracedRequests(handle: RequestHandler, traces: Traces | undefined): RequestHandler {
  if (traces === undefined) return handle;
  return (request, response) => {
    if (isProbe(request.url ?? '/')) handle(request, response);
    else traces.request(request, response, () => handle(request, response));
  };
}

/** What takes long in a request: the wait for a commit is the longest part of most writes. */
export function tracedDatabase(database: Database, traces: Traces | undefined): Database {
  if (traces === undefined) return database;
  return {
    ...database,
    write: (operation, input) =>
      traces.spanBelow(
        `write ${operation.name}`,
        { 'db.system.name': database.dialect, 'db.operation.name': operation.name },
        () => database.write(operation, input),
      ),
  };
}

export function tracedStore(store: BlobStore, traces: Traces | undefined): BlobStore {
  if (traces === undefined) return store;
  return {
    ...store,
    commit: (key, size) =>
      traces.spanBelow('commit blob', { 'berth.bytes': size }, () => store.commit(key, size)),
  };
}

export function tracedSubscriber(subscriber: Subscriber, traces: Traces | undefined): Subscriber {
  if (traces === undefined) return subscriber;
  const { name } = subscriber;
  return {
    name,
    hear: (event) =>
      traces.span(`event ${event.type}`, { 'berth.subscriber': name }, () =>
        subscriber.hear(event),
      ),
  };
}

export function tracedHandler(handler: JobHandler, traces: Traces | undefined): JobHandler {
  if (traces === undefined) return handler;
  const { kind } = handler;
  return {
    kind,
    run: (job) =>
      traces.span(`job ${kind}`, { 'berth.job': job.id, 'berth.attempt': job.attempt }, () =>
        handler.run(job),
      ),
  };
}
