import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, describe, test } from 'node:test';
import { startServer, type TestServer } from '#test/server.ts';

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A fake of a collector: an HTTP server that decodes the JSON of OTLP and keeps it. */
async function startFakeCollector(answer = 200) {
  const exports: Export[] = [];
  const paths: string[] = [];
  const headers: unknown[] = [];
  const server: Server = createServer(async (request, response) => {
    paths.push(request.url ?? '');
    headers.push(request.headers['x-key']);
    exports.push((await json(request)) as Export);
    response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    exports,
    spans: () =>
      exports.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
  };
}

async function serve(environment: Record<string, string>): Promise<TestServer> {
  const server = await startServer({}, environment);
  ends.push(() => server.stop());
  return server;
}

async function createProject(server: TestServer, headers: Record<string, string> = {}) {
  const reply = await server.request('/api/v2.0/projects?token=SECRET', {
    method: 'POST',
    as: server.admin,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ project_name: 'team' }),
  });
  assert.equal(reply.status, 201, reply.body.toString());
}

function attributesOf({ attributes }: { readonly attributes: readonly Attribute[] }) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown]),
  );
}

describe('traces', () => {
  test('continue that of the caller, with the write of the database below the request', async () => {
    const collector = await startFakeCollector();
    const server = await serve({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'our-registry',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test%20bed,team=a',
    });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const parent = '00f067aa0ba902b7';
    await createProject(server, { traceparent: `00-${traceId}-${parent}-01` });
    await server.request('/healthz');
    await ends.pop()?.();

    assert.deepEqual([...new Set(collector.paths)], ['/v1/traces'], 'flushed by the stop');
    const request = collector.spans().find(({ name }) => name === 'POST api');
    assert.equal(request?.traceId, traceId);
    assert.equal(request?.parentSpanId, parent);
    const attributes = attributesOf(request ?? { attributes: [] });
    assert.equal(attributes['http.response.status_code'], 201);
    assert.equal(attributes['url.path'], '/api/v2.0/projects');
    const write = collector.spans().find(({ name }) => name.startsWith('write project'));
    assert.equal(write?.traceId, traceId);
    assert.equal(write?.parentSpanId, request?.spanId);
    const resource = attributesOf(
      collector.exports[0]?.resourceSpans[0]?.resource ?? { attributes: [] },
    );
    assert.equal(resource['service.name'], 'our-registry');
    assert.equal(resource['deployment.environment.name'], 'test bed');
    const text = JSON.stringify(collector.exports);
    assert.doesNotMatch(text, /SECRET|berths-are-for-ships|healthz/);
  });

  test('that the caller does not keep are not kept here either', async () => {
    const collector = await startFakeCollector();
    const server = await serve({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/own/path` });
    const kept = '4bf92f3577b34da6a3ce929d0e0e4736';
    const left = '5bf92f3577b34da6a3ce929d0e0e4736';
    await server.request('/v2/', { headers: { traceparent: `00-${left}-00f067aa0ba902b7-00` } });
    await server.request('/v2/', { headers: { traceparent: `00-${kept}-00f067aa0ba902b7-01` } });
    await ends.pop()?.();
    assert.deepEqual(collector.paths, ['/own/path']);
    assert.deepEqual(
      collector.spans().map(({ traceId, name }) => [traceId, name]),
      [[kept, 'GET base']],
    );
  });

  test('hold nothing up while their collector is down, refuses or hangs', async () => {
    const refusing = await startFakeCollector(500);
    const hanging = createServer(() => {}).listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    ends.push(() => {
      hanging.closeAllConnections();
      hanging.close();
    });
    const { port } = hanging.address() as AddressInfo;
    for (const url of ['http://127.0.0.1:1', refusing.url, `http://127.0.0.1:${port}`]) {
      const server = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
      const replies = await Promise.all(
        Array.from({ length: 300 }, () =>
          server.request('/healthz').then(() => server.request('/v2/')),
        ),
      );
      assert.ok(replies.every(({ status }) => status === 401));
      const begun = performance.now();
      await ends.pop()?.();
      assert.ok(performance.now() - begun < 10_000, 'the stop waits for the collector');
    }
  });
});
