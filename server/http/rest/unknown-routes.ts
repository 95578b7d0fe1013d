import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody } from './errors.ts';

interface KnownPath {
  readonly segments: readonly string[];
  readonly methods: Set<string>;
}

/** Answers requests that no route takes: 405 where another method would do, 404 else. */
export function answerUnknownRoutes(application: FastifyInstance) {
  const paths = new Map<string, KnownPath>();
  application.addHook('onRoute', ({ url, method }) => {
    const path = paths.get(url) ?? { segments: segmentsOf(url), methods: new Set() };
    for (const one of [method].flat()) path.methods.add(one);
    paths.set(url, path);
  });
  application.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const segments = segmentsOf(path);
    const methods = [...paths.values()]
      .filter((known) => matches(known.segments, segments))
      .flatMap((known) => [...known.methods]);
    if (methods.length === 0) {
      const message = `There is nothing at ${path.slice(0, 256)}: GET /api/openapi.json lists every route.`;
      return reply.code(404).send(errorBody('NOT_FOUND', message));
    }
    const allowed = [...new Set(methods)].sort().join(', ');
    const message = `${request.method} is not possible here: use one of ${allowed}.`;
    return reply.code(405).header('allow', allowed).send(errorBody('METHOD_NOT_ALLOWED', message));
  });
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  for (const [index, expected] of pattern.entries()) {
    if (expected === '*') return true;
    const segment = segments[index];
    if (segment === undefined) return false;
    if (!expected.startsWith(':') && expected !== segment) return false;
  }
  return pattern.length === segments.length;
}
