import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { systemErrorCode } from '#lib/errors.ts';
import { createAuthority, createLeafKey, issueLeaf } from '#server/certificates/authority.ts';
import type { CertificateLog, ServerCertificates } from '#server/certificates/certificates.ts';
import { certificatesFromFiles } from '#server/certificates/files.ts';
import { servedNames } from '#server/certificates/names.ts';
import { ownCertificates } from '#server/certificates/own-authority.ts';
import { waitFor } from '#test/processes.ts';
import { type Trusts, trustSources } from './forwarded.ts';
import {
  createListener,
  type ListenerLimits,
  type ListenerOptions,
  type Upgrades,
} from './listener.ts';

const folder = await mkdtemp(join(tmpdir(), 'berth-listener-'));
after(() => rm(folder, { recursive: true }));

const log: CertificateLog = { info: () => {}, warn: () => {} };
const served = servedNames('https://registry.example:5000', ['alias.example']);
const own = await ownCertificates(
  served,
  { keep: (_, create) => create(), replace: async () => false },
  log,
);
own.close();
const ca = own.authority() ?? '';

/**
 * Both are loopback addresses, so that the machine needs no further one: the predicate believes
 * the first and takes the second for a stranger's.
 */
const FRIEND = '127.0.0.1';
const STRANGER = '127.0.0.2';
const friendsOnly: Trusts = (address) => address === FRIEND;

interface Setup {
  certificates?: ServerCertificates;
  trusts?: Trusts;
  host?: string;
  limits?: Partial<ListenerLimits>;
  onRequest?: ListenerOptions['onRequest'];
  upgrades?: Upgrades;
}

async function start(setup: Setup = {}) {
  const failures: { address: string; error: Error }[] = [];
  const refusals: number[] = [];
  const failed = Promise.withResolvers<void>();
  const listener = createListener({
    onRefusal: (status) => refusals.push(status),
    answersPlain: (target) => target === '/open',
    certificates: setup.certificates ?? own,
    served,
    trusts: setup.trusts ?? friendsOnly,
    onRequest: setup.onRequest ?? describeRequest,
    upgrades: setup.upgrades ?? { takes: () => false, answer: () => {}, end: () => {} },
    onHandshakeFailure: (address, error) => {
      failures.push({ address, error });
      failed.resolve();
    },
    ...(setup.limits === undefined ? {} : { limits: setup.limits }),
  });
  const running = await listener.listen({ host: setup.host ?? FRIEND, port: 0 });
  return {
    ...running,
    failures,
    refusals,
    failed: failed.promise,
    [Symbol.asyncDispose]: () => running.close({ drainMilliseconds: 0 }),
  };
}

/** Says what reached the handler: protocol, method, target and the body's digest. */
function describeRequest(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  request.on('data', (chunk) => hash.update(chunk));
  request.on('end', () => {
    const protocol = request.socket instanceof tls.TLSSocket ? 'tls' : 'plain';
    response.end(`${protocol} ${request.method} ${request.url} ${hash.digest('hex')}`);
  });
}

interface Reply {
  status: number | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

async function send(
  port: number,
  options: https.RequestOptions & { secure?: boolean; body?: Uint8Array } = {},
): Promise<Reply> {
  const { secure = false, body, ...rest } = options;
  const request = (secure ? https : http).request({
    host: FRIEND,
    port,
    ca,
    agent: false,
    ...rest,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks = await response.toArray();
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** All that the server says on a connection after `bytes`, until it closes. */
async function converse(
  port: number,
  bytes: string | Uint8Array,
  localAddress = FRIEND,
): Promise<string> {
  const socket = net.connect({ host: FRIEND, port, localAddress, allowHalfOpen: true });
  socket.write(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

async function secureConnection(
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: FRIEND, port, ca, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** What openssl prints; undefined where it is not installed. */
async function openssl(...words: string[]): Promise<string | undefined> {
  const child = spawn('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  const output = child.stdout.toArray();
  try {
    await once(child, 'close');
    return Buffer.concat(await output).toString();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function sentence(reply: string): string {
  const body = JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4));
  assert.equal(body.errors.length, 1);
  return body.errors[0].message;
}

const EMPTY_SHA256 = createHash('sha256').digest('hex');

describe('one port', () => {
  test('answers TLS and plain HTTP with the same handler', async () => {
    await using server = await start();

    const plain = await send(server.port, { path: '/v2/' });
    const secure = await send(server.port, { path: '/v2/', secure: true });

    assert.equal(plain.body, `plain GET /v2/ ${EMPTY_SHA256}`);
    assert.equal(secure.body, `tls GET /v2/ ${EMPTY_SHA256}`);
  });

  test('loses no byte of a large body, over TLS and in plain', async () => {
    await using server = await start();
    const body = randomBytes(8 * 1024 * 1024);
    const digest = createHash('sha256').update(body).digest('hex');

    for (const secure of [false, true]) {
      const reply = await send(server.port, { method: 'PUT', path: '/b', secure, body });
      assert.equal(reply.body, `${secure ? 'tls' : 'plain'} PUT /b ${digest}`);
    }
  });

  test('understands clients whose first byte travels alone', async () => {
    await using server = await start();
    const relay = net.createServer((client) => {
      const upstream = net.connect({ host: FRIEND, port: server.port, noDelay: true });
      client.once('data', (first: Buffer) => {
        upstream.write(first.subarray(0, 1), () => {
          setImmediate(() => {
            upstream.write(first.subarray(1));
            client.pipe(upstream);
          });
        });
      });
      upstream.pipe(client);
      for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    });
    relay.listen(0, FRIEND);
    await once(relay, 'listening');
    const { port } = relay.address() as net.AddressInfo;
    try {
      assert.match((await send(port)).body, /^plain GET/);
      assert.match((await send(port, { secure: true })).body, /^tls GET/);
    } finally {
      relay.close();
    }
  });

  test('keeps a connection for the next request, over TLS and in plain', async () => {
    await using server = await start();
    for (const [secure, module] of [
      [false, http],
      [true, https],
    ] as const) {
      const agent = new module.Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number | undefined>();
      for (let request = 0; request < 3; request += 1) {
        const { body } = await send(server.port, {
          secure,
          agent,
          path: `/${request}`,
          headers: { host: 'localhost' },
        });
        ports.add(Object.values(agent.freeSockets)[0]?.[0]?.localPort);
        assert.match(body, new RegExp(`GET /${request} `));
      }
      agent.destroy();
      assert.equal(ports.size, 1);
    }
  });

  test('holds the request’s body back until the handler wants it', async () => {
    const seen: boolean[] = [];
    await using server = await start({
      onRequest(request, response, continueExpected) {
        seen.push(continueExpected);
        if (request.url === '/refused') {
          response.writeHead(401, { 'Content-Length': 0 }).end();
        } else {
          if (continueExpected) response.writeContinue();
          describeRequest(request, response);
        }
      },
    });
    const headers = { Expect: '100-continue', 'Content-Length': 4 };

    const refused = http.request({
      host: FRIEND,
      port: server.port,
      path: '/refused',
      method: 'PUT',
      headers,
    });
    refused.on('continue', () => assert.fail('the body was asked for'));
    refused.flushHeaders();
    const [refusal] = (await once(refused, 'response')) as [IncomingMessage];
    refused.on('error', () => {});
    refused.destroy();
    assert.equal(refusal.statusCode, 401);

    const wanted = http.request({
      host: FRIEND,
      port: server.port,
      path: '/wanted',
      method: 'PUT',
      headers,
      agent: false,
    });
    wanted.flushHeaders();
    await once(wanted, 'continue');
    wanted.end('body');
    const [response] = (await once(wanted, 'response')) as [IncomingMessage];
    assert.match(
      Buffer.concat(await response.toArray()).toString(),
      new RegExp(createHash('sha256').update('body').digest('hex')),
    );
    await send(server.port);
    assert.deepEqual(seen, [true, true, false]);
  });
});

describe('plain HTTP from a stranger', () => {
  const stranger = { localAddress: STRANGER };

  for (const method of ['GET', 'HEAD']) {
    test(`is sent to https on the same host and path for ${method}`, async () => {
      await using server = await start();
      const reply = await send(server.port, {
        ...stranger,
        method,
        path: '/v2/library/alpine/tags/list?n=3&x=%2F',
        headers: { host: 'alias.example:7000' },
      });

      assert.equal(reply.status, 308);
      assert.deepEqual(server.refusals, [308]);
      assert.equal(
        reply.headers.location,
        'https://alias.example:7000/v2/library/alpine/tags/list?n=3&x=%2F',
      );
    });
  }

  test('is answered where a load balancer may ask', async () => {
    await using server = await start();
    const reply = await send(server.port, { ...stranger, path: '/open' });
    assert.equal(reply.body, `plain GET /open ${EMPTY_SHA256}`);
  });

  const targets: [string, string, string][] = [
    ['evil.example', '/v2/', 'https://registry.example:5000/v2/'],
    ['"><script>', '/', 'https://registry.example:5000/'],
    ['alias.example', '//evil.example/x', 'https://alias.example//evil.example/x'],
    ['alias.example', 'http://evil.example/a?b', 'https://alias.example/a?b'],
    ['[::1]:5000', '/', 'https://[::1]:5000/'],
  ];
  for (const [host, target, location] of targets) {
    test(`is never led elsewhere: ${target} on ${host}`, async () => {
      await using server = await start();
      const reply = await converse(
        server.port,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        STRANGER,
      );

      assert.match(reply, /^HTTP\/1\.1 308 /);
      assert.equal(/\r\nLocation: (.*)\r\n/.exec(reply)?.[1], location);
    });
  }

  test('is not believed when it says that it came by TLS', async () => {
    await using server = await start();
    const reply = await send(server.port, {
      ...stranger,
      headers: { host: 'alias.example', 'x-forwarded-proto': 'https', 'x-forwarded-for': FRIEND },
    });

    assert.equal(reply.status, 308);
  });

  test('is refused in a sentence for other methods, body and all, and closed', async () => {
    await using server = await start();
    const reply = await send(server.port, {
      ...stranger,
      method: 'PUT',
      path: '/v2/a/b/manifests/c',
      headers: { host: 'alias.example:5000' },
      body: randomBytes(1024 * 1024),
    });

    assert.equal(reply.status, 400);
    assert.equal(reply.headers.connection, 'close');
    const { errors } = JSON.parse(reply.body);
    assert.equal(errors[0].code, 'BAD_REQUEST');
    assert.match(
      errors[0].message,
      /^This server takes PUT requests over TLS only: send it to https:\/\/alias\.example:5000\/v2\/a\/b\/manifests\/c, or name 127\.0\.0\.2 in BERTH_TRUSTED_PROXIES/,
    );
  });

  test('is refused before its body is asked for', async () => {
    await using server = await start();
    const reply = await converse(
      server.port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
      STRANGER,
    );

    assert.match(reply, /^HTTP\/1\.1 400 /);
  });

  test('may speak TLS', async () => {
    await using server = await start();

    assert.match((await send(server.port, { ...stranger, secure: true })).body, /^tls GET/);
  });

  test('is no stranger’s when an IPv6 socket sees loopback or a trusted IPv4 address', async () => {
    await using server = await start({ host: '::', trusts: trustSources([]) });

    assert.match((await send(server.port, stranger)).body, /^plain GET/);
  });
});

describe('TLS', () => {
  test('is 1.2 or newer, and speaks HTTP/1.1', async () => {
    await using server = await start();

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await secureConnection(server.port, {
        maxVersion: version,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      assert.equal(socket.getProtocol(), version);
      assert.equal(socket.alpnProtocol, 'http/1.1');
      socket.destroy();
    }
    await assert.rejects(
      secureConnection(server.port, {
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    );
  });

  test('takes the connection’s handle, not its JavaScript stream, which would halve its speed', async () => {
    let parent: unknown;
    await using server = await start({
      onRequest(request, response) {
        parent = (request.socket as unknown as { _parent: unknown })._parent;
        response.end();
      },
    });
    await send(server.port, { secure: true });

    assert.equal(parent?.constructor, net.Socket);
  });

  test('tells who sent what is no handshake, and closes', async () => {
    await using server = await start();
    await converse(server.port, Buffer.from('16030100ff'.padEnd(600, '7a'), 'hex'), STRANGER);
    await server.failed;

    assert.equal(server.failures[0]?.address, STRANGER);
    assert.match((await send(server.port, { secure: true })).body, /^tls GET/);
  });

  test('gives up on a handshake that takes too long', async () => {
    await using server = await start({ limits: { handshake: 50 } });
    await converse(server.port, Buffer.from([0x16]));
    await server.failed;

    assert.equal(systemErrorCode(server.failures[0]?.error), 'ERR_TLS_HANDSHAKE_TIMEOUT');
  });

  test('gives up on one that trickles, too', async () => {
    await using server = await start({ limits: { handshake: 100 } });
    const socket = net.connect({ host: FRIEND, port: server.port, noDelay: true });
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const trickle = setInterval(() => socket.write(Buffer.from([0x00])), 20);
    socket.resume().on('error', () => {});
    await server.failed;
    clearInterval(trickle);
    socket.destroy();

    assert.equal(systemErrorCode(server.failures[0]?.error), 'ERR_TLS_HANDSHAKE_TIMEOUT');
  });

  test('changes its certificate without dropping connections', async () => {
    const files = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
    const authority = await createAuthority(Date.now());
    const install = async (name: string): Promise<void> => {
      const key = await createLeafKey();
      const names = servedNames(`https://${name}`, [], 'machine');
      await writeFile(files.keyFile, key);
      await writeFile(files.certificateFile, await issueLeaf(authority, key, names, Date.now()));
    };
    await install('before.example');
    const certificates = await certificatesFromFiles(files, log);
    const changed = new Promise<void>((resolve) => void certificates.onChange(resolve));
    try {
      await using server = await start({ certificates });
      const trusting = { ca: authority.certificate };
      const old = await secureConnection(server.port, trusting);
      await install('after.example');
      await changed;
      const young = await secureConnection(server.port, trusting);

      assert.match(old.getPeerCertificate().subjectaltname ?? '', /before\.example/);
      assert.match(young.getPeerCertificate().subjectaltname ?? '', /after\.example/);
      for (const socket of [old, young]) {
        socket.end('GET /still HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
        assert.match(Buffer.concat(await socket.toArray()).toString(), /tls GET \/still/);
      }
    } finally {
      certificates.close();
    }
  });

  test('satisfies openssl by name, address and authority, and tells of one that distrusts it', async (context) => {
    await using server = await start();
    const caFile = join(folder, 'ca.crt');
    await writeFile(caFile, ca);
    const strangersCa = join(folder, 'other-ca.crt');
    await writeFile(strangersCa, (await createAuthority(Date.now())).certificate);
    const check = (file: string, ...checks: string[]): Promise<string | undefined> =>
      openssl(
        ...['s_client', '-connect', `${FRIEND}:${server.port}`, '-CAfile', file, '-x509_strict'],
        ...['-verify_return_error', ...checks],
      );

    const byName = await check(caFile, '-verify_hostname', 'registry.example');
    if (byName === undefined) {
      context.skip('openssl is not installed');
      return;
    }
    assert.match(byName, /Verify return code: 0 \(ok\)/);
    assert.match((await check(caFile, '-verify_ip', FRIEND)) ?? '', /Verify return code: 0 \(ok\)/);
    assert.equal(server.failures.length, 0);

    await check(strangersCa);
    await server.failed;
    assert.equal(server.failures[0]?.address, FRIEND);
    assert.match(String(server.failures[0]?.error), /unknown ca/);
    assert.match((await send(server.port, { secure: true })).body, /^tls GET/);
  });
});

describe('a connection', () => {
  test('that says nothing is closed', async () => {
    await using server = await start({ limits: { silence: 50 } });

    assert.equal(await converse(server.port, ''), '');
  });

  test('that has spoken is not closed by the limit on silence', async () => {
    await using server = await start({ limits: { silence: 50 } });
    const socket = net.connect({ host: FRIEND, port: server.port });
    socket.write('G');
    const silent = net.connect({ host: FRIEND, port: server.port });
    await once(silent.resume(), 'close');
    socket.end('ET /late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

    assert.match(Buffer.concat(await socket.toArray()).toString(), /plain GET \/late/);
  });

  test('that its client resets at once harms nobody', async () => {
    await using server = await start();
    for (const bytes of ['', 'G', '\x16', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const socket = net.connect({ host: FRIEND, port: server.port });
      await once(socket, 'connect');
      if (bytes !== '') await new Promise((resolve) => socket.write(bytes, resolve));
      socket.resetAndDestroy();
    }

    assert.match((await send(server.port)).body, /^plain GET/);
  });

  for (const [what, bytes] of [
    ['text', 'hello\r\n\r\n'],
    ['binary', Buffer.from([0x00, 0xff, 0x80, 0x15])],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    ],
  ] as const) {
    test(`that brings ${what} is told what is expected, and closed`, async () => {
      await using server = await start();
      const reply = await converse(server.port, bytes);

      assert.match(reply, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.match(sentence(reply), /^This is not a request that the server can read/);
    });
  }

  test('without a Host header is told so', async () => {
    await using server = await start();

    const reply = await converse(server.port, 'GET / HTTP/1.1\r\n\r\n');
    assert.match(reply, /^HTTP\/1\.1 400 /);
    assert.match(sentence(reply), /no Host header/);
    assert.match(await converse(server.port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  });

  for (const size of [40 * 1024, 4 * 1024 * 1024]) {
    test(`with ${size} bytes of headers is told of the limit`, async () => {
      await using server = await start();
      const reply = await converse(
        server.port,
        `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(size)}\r\n\r\n`,
      );

      assert.match(reply, /^HTTP\/1\.1 431 /);
      assert.match(sentence(reply), /larger than 32768 bytes: send fewer or shorter ones/);
    });
  }

  test('whose headers do not end is told so in time', async () => {
    await using server = await start({ limits: { headers: 100 } });
    const reply = await converse(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n');

    assert.match(reply, /^HTTP\/1\.1 408 /);
    assert.match(sentence(reply), /did not arrive in time/);
  });

  test('that falls silent between requests is closed', async () => {
    await using server = await start({ limits: { keepAlive: 1 } });
    const reply = await converse(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');

    assert.match(reply, /^HTTP\/1\.1 200 /);
  });

  test('whose body turns malformed under a reply gets no second reply into the first', async () => {
    await using server = await start({
      onRequest(request, response) {
        request.on('error', () => {});
        request.once('data', () => response.writeHead(200, { 'Content-Length': 10 }).write('x'));
      },
    });
    const socket = net.connect({ host: FRIEND, port: server.port });
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    const [first] = await once(socket, 'data');
    const rest: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => rest.push(chunk)).on('error', () => {});
    socket.write('nonsense\r\n');
    await once(socket, 'close');

    assert.match(first.toString() + Buffer.concat(rest).toString(), /^HTTP\/1\.1 200 [\s\S]*x$/);
  });
});

/** Talks on connections that ask to be upgraded at `/talk`, until it is told to end. */
function talking() {
  const open = new Set<Duplex>();
  const upgrades: Upgrades = {
    takes: ({ url }) => url === '/talk',
    answer(request, socket, head) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n');
      socket.write(`${request.url} ${head}`);
      socket.pipe(socket);
    },
    end() {
      for (const socket of open) socket.end('bye');
    },
  };
  return { open, upgrades };
}

const waitUntil = (holds: () => boolean) =>
  waitFor(async () => holds(), { what: 'the connection to get so far' });

const wish = (target: string) =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n`;

describe('an upgrade', () => {
  for (const secure of [false, true]) {
    test(`is given the connection where it is taken, ${secure ? 'by TLS' : 'in plain HTTP'}`, async () => {
      const { upgrades } = talking();
      await using server = await start({ upgrades });
      const socket = secure
        ? await secureConnection(server.port)
        : net.connect({ host: FRIEND, port: server.port });
      socket.write(`${wish('/talk')}early`);
      let heard = '';
      socket.on('data', (chunk) => (heard += chunk));
      await waitUntil(() => heard.endsWith('/talk early'));
      socket.write('echo');
      await waitUntil(() => heard.endsWith('echo'));
      socket.destroy();
    });
  }

  test('that is not taken is answered as if nobody had wished for it', async () => {
    const { upgrades } = talking();
    await using server = await start({ upgrades });
    const socket = net.connect({ host: FRIEND, port: server.port });
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk));
    socket.write(wish('/other'));
    await waitUntil(() => /^HTTP\/1\.1 200 [\s\S]*plain GET \/other /.test(heard));
    socket.write('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
    await waitUntil(() => heard.includes('plain GET /next '));
    socket.destroy();
  });

  test('in plain HTTP from who is not trusted is sent to https', async () => {
    const { upgrades, open } = talking();
    await using server = await start({ upgrades });
    const socket = net.connect({ host: FRIEND, port: server.port, localAddress: STRANGER });
    socket.write(wish('/talk'));
    const [reply] = (await once(socket, 'data')) as [Buffer];
    assert.match(String(reply), /^HTTP\/1\.1 308 /);
    assert.equal(open.size, 0);
    socket.destroy();
  });

  test('is ended by closing, and cut after the limit where its client goes on', async () => {
    const { upgrades, open } = talking();
    const server = await start({ upgrades });
    const polite = converse(server.port, wish('/talk'));
    const stubborn = net.connect({ host: FRIEND, port: server.port, allowHalfOpen: true });
    stubborn.write(wish('/talk'));
    stubborn.resume().on('error', () => {});
    const cut = once(stubborn, 'close');
    await waitUntil(() => open.size === 2);
    await server.close({ drainMilliseconds: 200 });
    assert.match(await polite, /bye$/);
    stubborn.destroy();
    await cut;
    await waitUntil(() => open.size === 0);
  });
});

describe('closing', () => {
  test('ends idle and silent connections at once, and accepts no more', async () => {
    const server = await start();
    const idle = net.connect({ host: FRIEND, port: server.port });
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    const silent = net.connect({ host: FRIEND, port: server.port });
    await once(silent, 'connect');
    const unused = await secureConnection(server.port);
    await send(server.port);
    const ended = [idle, silent, unused].map((socket) => {
      socket.on('error', () => {});
      return once(socket.resume(), 'close');
    });

    await server.close({ drainMilliseconds: 60_000 });
    await Promise.all(ended);
    await assert.rejects(send(server.port), { code: 'ECONNREFUSED' });
  });

  test('lets a request under way end, and its connection with it', async () => {
    const begun = Promise.withResolvers<ServerResponse>();
    const server = await start({ onRequest: (_, response) => begun.resolve(response) });
    const reply = converse(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const response = await begun.promise;

    const closed = server.close({ drainMilliseconds: 60_000 });
    response.end('whole');
    assert.match(await reply, /\r\n\r\n[\s\S]*whole/);
    await closed;
  });

  test('cuts what is left after the limit', async () => {
    const begun = Promise.withResolvers<void>();
    const server = await start({ onRequest: () => begun.resolve() });
    const plain = assert.rejects(send(server.port), { code: 'ECONNRESET' });
    await begun.promise;
    const handshaking = net.connect({ host: FRIEND, port: server.port });
    handshaking.write(Buffer.from([0x16]));
    await once(handshaking, 'connect');

    handshaking.resume().on('error', () => {});
    const cut = new Promise((resolve) => handshaking.once('close', resolve));

    await server.close({ drainMilliseconds: 20 });
    await Promise.all([plain, cut]);
  });
});
