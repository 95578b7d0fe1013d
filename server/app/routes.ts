import type { IncomingMessage, ServerResponse } from 'node:http';
import { isProbe } from '#features/monitoring';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Below `/v2` the registry answers on the raw path, probes are answered there too, all else by REST. */
export function mount(handlers: {
  readonly registry: RequestHandler;
  readonly probes: RequestHandler;
  readonly rest: RequestHandler;
}): RequestHandler {
  return (request, response) => {
    const path = request.url ?? '/';
    const isRegistry =
      path.startsWith('/v2') && (path.length === 3 || '/?'.includes(path.charAt(3)));
    if (isRegistry) handlers.registry(request, response);
    else if (isProbe(path)) handlers.probes(request, response);
    else handlers.rest(request, response);
  };
}
