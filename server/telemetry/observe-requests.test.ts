import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { samplesOf } from '#test/promtool.ts';
import { createLog } from './log.ts';
import { renderMetrics } from './metrics.ts';
import { createRequestObserver } from './observe-requests.ts';
import { createRequestCounts } from './request-counts.ts';

interface Line {
  readonly [name: string]: unknown;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server whose requests are observed, and what was told of them. */
async function serve(answer: (path: string, response: ServerResponse) => void, level = 'info') {
  const counts = createRequestCounts();
  const lines: Line[] = [];
  const told = Promise.withResolvers<void>();
  const written: string[] = [];
  const take = (line: string) => {
    written.push(line);
    lines.push(JSON.parse(line));
    told.resolve();
  };
  const log = createLog(level, { write: take, writeLater: take });
  const observe = createRequestObserver({
    counts,
    log,
    nameOf: ({ name }: { name?: string }) => name,
  });
  const server = createServer((incoming, response) => {
    observe({
      request: incoming,
      response,
      id: 'r-1',
      address: '192.0.2.7',
      caller: { name: 'user alice' },
    });
    answer(incoming.url ?? '', response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    lines,
    written,
    told: told.promise,
    samples: async () => samplesOf(await renderMetrics([counts.snapshots()])),
    /** Everything that comes back for `bytes` on one connection. */
    async converse(bytes: string): Promise<string> {
      const socket = connect({ host: '127.0.0.1', port });
      socket.end(bytes);
      return Buffer.concat(await socket.toArray()).toString('latin1');
    },
  };
}

describe('an observed request', () => {
  test('is counted by class, method and status, with the bytes that it moved', async () => {
    const server = await serve((_path, response) => {
      response.writeHead(200, { 'Content-Length': 1000 });
      response.end('x'.repeat(1000));
    });
    const manifest = 'GET /v2/a/b/manifests/1 HTTP/1.1\r\nHost: a\r\n\r\n';
    const blob = 'PUT /v2/a/b/blobs/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    const replies = await server.converse(
      manifest + blob.replace('Host', 'Connection: close\r\nHost'),
    );

    const samples = await server.samples();
    const labels = '{route="manifest",method="GET",status="200"}';
    assert.equal(samples.get(`berth_http_requests_total${labels}`), 1);
    assert.equal(
      samples.get('berth_http_request_duration_seconds_count{route="manifest",method="GET"}'),
      1,
    );
    assert.equal(
      samples.get('berth_http_requests_total{route="blob",method="PUT",status="200"}'),
      1,
    );
    const sent = (route: string) => samples.get(`berth_http_sent_bytes_total{route="${route}"}`);
    assert.ok((sent('manifest') ?? 0) > 1000);
    assert.equal((sent('manifest') ?? 0) + (sent('blob') ?? 0), replies.length);
    assert.equal(samples.get('berth_http_requests_in_progress'), 0);
  });

  test('whose client leaves before an answer has no status, and is under way no more', async () => {
    const server = await serve(() => {});
    const outgoing = request({ port: server.port, host: '127.0.0.1', path: '/v2/' });
    outgoing.on('error', () => {});
    outgoing.on('socket', (socket) => socket.on('connect', () => setImmediate(() => socket.end())));
    outgoing.end();
    await server.told;

    const samples = await server.samples();
    const labels = '{route="base",method="GET",status="none"}';
    assert.equal(samples.get(`berth_http_requests_total${labels}`), 1);
    assert.equal(samples.get('berth_http_requests_in_progress'), 0);
    assert.equal(server.lines[0]?.interrupted, true);
  });

  test('adds no row for a path, a method or a status that nobody else uses', async () => {
    const server = await serve((path, response) => {
      response.statusCode = Number(path.slice(-3)) || 200;
      response.end();
    });
    const head = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const many = Array.from({ length: 300 }, (_, n) => head('PROPFIND', `/strange/${n}x`));
    await server.converse([...many, head('GET', '/v2/x/y/manifests/599')].join(''));
    const rows = [...(await server.samples()).keys()].filter((key) =>
      key.includes('requests_total'),
    );
    assert.deepEqual(rows.sort(), [
      'berth_http_requests_total{route="manifest",method="GET",status="599"}',
      'berth_http_requests_total{route="other",method="other",status="200"}',
    ]);
  });

  test('of several processes is added up', async () => {
    const one = createRequestCounts();
    const other = createRequestCounts();
    for (const counts of [one, one, other]) {
      counts.begin();
      counts.end({ route: 'blob', method: 'GET', status: 206, seconds: 2, received: 1, sent: 9 });
    }
    // As one process tells it to another.
    const overTheWire = JSON.parse(JSON.stringify(other.snapshots()));
    const samples = samplesOf(await renderMetrics([one.snapshots(), overTheWire]));
    const labels = 'route="blob",method="GET"';
    assert.equal(samples.get(`berth_http_requests_total{${labels},status="206"}`), 3);
    assert.equal(samples.get('berth_http_sent_bytes_total{route="blob"}'), 27);
    const bucket = (le: string) =>
      samples.get(`berth_http_request_duration_seconds_bucket{${labels},le="${le}"}`);
    assert.deepEqual([bucket('1'), bucket('2.5'), bucket('+Inf')], [0, 3, 3]);
  });
});

describe('the access log', () => {
  test('says who did what to which repository, from where, how long and how much', async () => {
    const server = await serve((_path, response) => response.end('answer'));
    await server.converse(
      'GET /v2/a/b/tags/list?n=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: crane\r\nConnection: close\r\n\r\n',
    );
    const { milliseconds, time, ...line } = server.lines[0] ?? {};
    assert.equal(typeof milliseconds, 'number');
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(line, {
      level: 'info',
      request: 'r-1',
      address: '192.0.2.7',
      principal: 'user alice',
      method: 'GET',
      path: '/v2/a/b/tags/list',
      repository: 'a/b',
      status: 200,
      received: 85,
      sent: line.sent,
      agent: 'crane',
      msg: 'request',
    });
  });

  test('holds no credential and no secret of a query or an upload', async () => {
    const server = await serve((_path, response) => response.end());
    const upload = 'UPLOADID-that-carries-it-on';
    const requests = [
      ['/v2/a/b/manifests/1', 'Authorization: Bearer SECRET'],
      ['/v2/a/b/manifests/1', 'Authorization: Basic SECRET'],
      ['/v2/a/b/manifests/1', 'Cookie: session=SECRET\r\nX-Token: SECRET'],
      ['/service/token?account=a&password=SECRET&refresh_token=SECRET', 'X: y'],
      [`/v2/a/b/blobs/uploads/${upload}?_state=SECRET`, 'X: y'],
      [`/v2/a/b/blobs%2Fuploads%2F${upload}?_state=SECRET`, 'X: y'],
      ['http://user:SECRET@a/v2/', 'X: y'],
    ];
    await server.converse(
      requests
        .map(([path, header]) => `GET ${path} HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`)
        .join(''),
    );
    assert.equal(server.lines.length, requests.length);
    const text = server.written.join('');
    assert.doesNotMatch(text, /SECRET|carries-it-on/);
    assert.match(text, /uploads\/UPLOADID…/);
  });

  test('stays one line of bounded length whatever a client sends', async () => {
    const server = await serve((_path, response) => response.end());
    const agent = `x","status":200} {"msg":"forged" \u0085\u009b2J${'y'.repeat(5_000)}`;
    const path = `/v2/${'%0A%22'.repeat(1_000)}/manifests/%1b%5B2J`;
    await server.converse(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${agent}\r\nConnection: close\r\n\r\n`,
    );
    assert.equal(server.written.length, 1);
    const line = server.written[0] ?? '';
    assert.doesNotMatch(line.trimEnd(), /\p{Cc}/u);
    assert.ok(line.length < 4_000, `${line.length} characters`);
    assert.equal(line.trimEnd().split('\n').length, 1);
    assert.equal(server.lines[0]?.msg, 'request');
    assert.equal(server.lines[0]?.status, 200);
  });

  test('leaves probes to the level debug', async () => {
    const get = 'GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const quiet = await serve((_path, response) => response.end());
    await quiet.converse(get);
    assert.deepEqual(quiet.lines, []);
    const talkative = await serve((_path, response) => response.end(), 'debug');
    await talkative.converse(get);
    assert.equal(talkative.lines.length, 1);
  });
});
