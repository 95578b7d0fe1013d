import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { createLog } from '#server/telemetry/log.ts';
import { waitFor } from '#test/processes.ts';
import { startServer, type TestServer } from '#test/server.ts';

interface Line {
  readonly request?: string;
  readonly principal?: string;
  readonly path?: string;
  readonly repository?: string;
  readonly status?: number;
  readonly received?: number;
  readonly sent?: number;
}

describe('the access log of a server', () => {
  let server: TestServer;
  const written: string[] = [];
  const write = (line: string) => void written.push(line);
  before(async () => {
    server = await startServer({}, {}, createLog('info', { write, writeLater: write }));
  });
  after(() => server.stop());

  /** The line of the request that was named so. */
  async function lineOf(id: string): Promise<Line> {
    const line = await waitFor(
      async () => written.find((text) => text.includes(`"request":"${id}"`)),
      { what: `the line of ${id}` },
    );
    return JSON.parse(line ?? '');
  }

  test('has one line a request, and no secret in any', async () => {
    const { token } = (
      await server.request(
        '/service/token?service=harbor-registry&scope=repository:library/app:pull,push&password=IN-QUERY',
        { as: server.admin, headers: { 'x-request-id': 'token' } },
      )
    ).json() as { token: string };
    const begun = await server.request('/v2/library/app/blobs/uploads/', {
      method: 'POST',
      token,
      headers: { 'x-request-id': 'begin' },
    });
    assert.equal(begun.status, 202);
    const body = 'x'.repeat(10_000);
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const location = new URL(begun.headers.location ?? '', server.origin);
    location.searchParams.set('digest', digest);
    const finished = await server.request(location.pathname + location.search, {
      method: 'PUT',
      token,
      body,
      headers: { 'x-request-id': 'finish' },
    });
    assert.equal(finished.status, 201, finished.body.toString());
    assert.equal(finished.headers['x-request-id'], 'finish');
    await server.request(`/v2/library/app/blobs/${digest}`, {
      token,
      headers: { 'x-request-id': 'pull' },
    });
    await server.request('/api/v2.0/users/current', {
      as: 'admin:WRONG-PASSWORD',
      headers: { 'x-request-id': 'wrong' },
    });
    await server.request('/api/v2.0/%zz', { headers: { 'x-request-id': 'bad-url' } });

    const issued = await lineOf('token');
    assert.equal(issued.path, '/service/token');
    assert.equal(issued.principal, 'user admin');
    const put = await lineOf('finish');
    assert.equal(put.principal, 'user admin');
    assert.equal(put.repository, 'library/app');
    assert.equal(put.status, 201);
    assert.ok((put.received ?? 0) > 10_000);
    assert.ok(((await lineOf('pull')).sent ?? 0) > 10_000);
    assert.equal((await lineOf('wrong')).status, 401);
    assert.equal((await lineOf('wrong')).principal, undefined);
    assert.equal((await lineOf('bad-url')).status, 400);

    const text = written.join('');
    const uploadId = location.pathname.split('/').at(-1) ?? '';
    const password = server.admin.split(':')[1] ?? '';
    for (const secret of [token, token.slice(-32), uploadId, password, btoa(server.admin)]) {
      assert.ok(secret.length > 8 && !text.includes(secret), `${secret} is in the log`);
    }
    assert.doesNotMatch(text, /IN-QUERY|WRONG-PASSWORD|_state/);
    for (const id of ['token', 'begin', 'finish', 'pull', 'wrong', 'bad-url']) {
      assert.equal(written.filter((line) => line.includes(`"request":"${id}"`)).length, 1, id);
    }
  });
});
