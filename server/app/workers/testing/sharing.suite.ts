import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { DatabaseSettings } from '#test/databases.ts';
import { type Pinned, pinToEach } from '#test/pinned.ts';
import { waitFor } from '#test/processes.ts';
import {
  childrenOf,
  servedPassword as password,
  type Served,
  servedForTests,
} from '#test/served.ts';

const admin = `admin:${password}`;
const indexType = 'application/vnd.oci.image.index.v1+json';
const json = { 'content-type': 'application/json' };

/** What all workers of a server must see alike, whatever database they share. */
export function sharingSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`two workers on ${database}`, () => {
    const servers = servedForTests();
    let server: Served;
    let port: number;
    let one: Pinned;
    let other: Pinned;

    async function pinBoth(): Promise<void> {
      const pids = childrenOf(server.pid);
      assert.equal(pids.length, 2);
      [one, other] = (await pinToEach(port, pids)) as [Pinned, Pinned];
    }

    before(async () => {
      const { databaseUrl } = await settingsOf();
      server = servers.start({
        BERTH_WORKERS: '2',
        BERTH_LOG_LEVEL: 'error',
        ...(databaseUrl !== undefined && { BERTH_DATABASE_URL: databaseUrl }),
      });
      const [, printed] = await server.prints(/\(port (\d+), data in /);
      port = Number(printed);
      await pinBoth();
    });
    after(async () => {
      one?.close();
      other?.close();
      const { code, stderr } = await server.stop();
      await servers.end();
      assert.equal(code, 0);
      assert.equal(stderr, '');
    });

    async function tokenOf(credential: string, scope: string): Promise<string> {
      const reply = await one.send(`/service/token?service=harbor-registry&scope=${scope}`, {
        as: credential,
      });
      assert.equal(reply.status, 200, reply.body.toString());
      return JSON.parse(reply.body.toString()).token;
    }

    async function done(reply: ReturnType<Pinned['send']>): Promise<void> {
      const { status, body } = await reply;
      assert.ok(status >= 200 && status < 300, `${status} ${body}`);
    }

    test('show a tag that was moved at one by the next request at the other', async () => {
      const bearer = {
        authorization: `Bearer ${await tokenOf(admin, 'repository:library/moved:pull')}`,
      };
      const path = '/v2/library/moved/manifests/1';
      for (let move = 0; move < 1_500; move++) {
        const [writer, reader] = move % 2 === 0 ? [one, other] : [other, one];
        const body = indexOf(move);
        await done(
          writer.send(path, {
            method: 'PUT',
            as: admin,
            headers: { 'content-type': indexType },
            body,
          }),
        );
        const seen = await reader.send(path, { method: 'HEAD', headers: bearer });
        assert.equal(seen.headers['docker-content-digest'], digestOf(body), `move ${move}`);
        // What is remembered now has to be forgotten with the next move.
        await writer.send(path, { method: 'HEAD', headers: bearer });
      }
    });

    test('let a member in, and out, by the next request at the other', async () => {
      await done(
        one.send('/api/v2.0/users', {
          method: 'POST',
          as: admin,
          headers: json,
          body: JSON.stringify({ username: 'alice', password, email: 'a@test', realname: 'a' }),
        }),
      );
      await done(
        one.send('/api/v2.0/projects', {
          method: 'POST',
          as: admin,
          headers: json,
          body: JSON.stringify({ project_name: 'team' }),
        }),
      );
      await done(
        one.send('/v2/team/app/manifests/1', {
          method: 'PUT',
          as: admin,
          headers: { 'content-type': indexType },
          body: indexOf(0),
        }),
      );
      const bearer = {
        authorization: `Bearer ${await tokenOf(`alice:${password}`, 'repository:team/app:pull')}`,
      };
      const members = '/api/v2.0/projects/team/members';
      for (let turn = 0; turn < 250; turn++) {
        const [writer, reader] = turn % 2 === 0 ? [one, other] : [other, one];
        const added = await writer.send(members, {
          method: 'POST',
          as: admin,
          headers: json,
          body: JSON.stringify({ role_id: 2, member_user: { username: 'alice' } }),
        });
        assert.equal(added.status, 201, added.body.toString());
        for (const worker of [reader, writer]) {
          const pulled = await worker.send('/v2/team/app/manifests/1', { headers: bearer });
          assert.equal(pulled.status, 200, `turn ${turn}: ${pulled.body}`);
        }
        await done(writer.send(`${added.headers.location}`, { method: 'DELETE', as: admin }));
        for (const worker of [reader, writer]) {
          const pulled = await worker.send('/v2/team/app/manifests/1', { headers: bearer });
          assert.equal(pulled.status, 401, `turn ${turn}`);
        }
      }
    });

    test('know a deleted robot and a deleted user no more, by the next request', async () => {
      for (let turn = 0; turn < 60; turn++) {
        const [writer, reader] = turn % 2 === 0 ? [one, other] : [other, one];
        const made = await writer.send('/api/v2.0/robots', {
          method: 'POST',
          as: admin,
          headers: json,
          body: JSON.stringify({
            name: `robot${turn}`,
            level: 'system',
            duration: -1,
            permissions: [
              {
                kind: 'project',
                namespace: 'library',
                access: [{ resource: 'repository', action: 'pull' }],
              },
            ],
          }),
        });
        assert.equal(made.status, 201, made.body.toString());
        const { id, name, secret } = JSON.parse(made.body.toString());
        const bearer = {
          authorization: `Bearer ${await tokenOf(`${name}:${secret}`, 'repository:library/moved:pull')}`,
        };
        const path = '/v2/library/moved/manifests/1';
        for (const worker of [reader, writer]) {
          assert.equal((await worker.send(path, { headers: bearer })).status, 200);
          assert.equal((await worker.send(path, { as: `${name}:${secret}` })).status, 200);
        }
        await done(writer.send(`/api/v2.0/robots/${id}`, { method: 'DELETE', as: admin }));
        for (const worker of [reader, writer]) {
          assert.equal((await worker.send(path, { headers: bearer })).status, 401, `turn ${turn}`);
          const basic = await worker.send(path, { as: `${name}:${secret}` });
          assert.equal(basic.status, 401, `turn ${turn}`);
        }
      }
      const users = await one.send('/api/v2.0/users?q=username=alice', { as: admin });
      const [{ user_id }] = JSON.parse(users.body.toString());
      const alice = `alice:${password}`;
      assert.equal((await other.send('/api/v2.0/users/current', { as: alice })).status, 200);
      await done(one.send(`/api/v2.0/users/${user_id}`, { method: 'DELETE', as: admin }));
      assert.equal((await other.send('/api/v2.0/users/current', { as: alice })).status, 401);
    });

    test('take the chunks of one upload in turn, also when one worker dies between two', async () => {
      const chunks = Array.from({ length: 12 }, (_, at) => randomBytes(200_000 + at));
      const whole = Buffer.concat(chunks);
      const begun = await one.send('/v2/library/chunked/blobs/uploads/', {
        method: 'POST',
        as: admin,
        body: '',
      });
      assert.equal(begun.status, 202);
      let location = begun.headers.location ?? '';
      let offset = 0;
      for (const [at, chunk] of chunks.entries()) {
        if (at === 7) {
          const [first] = childrenOf(server.pid);
          process.kill(Number(first), 'SIGKILL');
          one.close();
          other.close();
          await waitFor(async () => childrenOf(server.pid), {
            what: 'another worker',
            until: (pids) => pids.length === 2 && !pids.includes(Number(first)),
          });
          await pinBoth();
        }
        const reply = await (at % 2 === 0 ? other : one).send(pathOf(location), {
          method: 'PATCH',
          as: admin,
          headers: {
            'content-type': 'application/octet-stream',
            'content-range': `${offset}-${offset + chunk.length - 1}`,
          },
          body: chunk,
        });
        assert.equal(reply.status, 202, `chunk ${at}: ${reply.body}`);
        offset += chunk.length;
        location = reply.headers.location ?? '';
      }
      const separator = location.includes('?') ? '&' : '?';
      const finished = await one.send(`${pathOf(location)}${separator}digest=${digestOf(whole)}`, {
        method: 'PUT',
        as: admin,
        body: '',
      });
      assert.equal(finished.status, 201, finished.body.toString());
      for (const worker of [one, other]) {
        const pulled = await worker.send(`/v2/library/chunked/blobs/${digestOf(whole)}`, {
          as: admin,
        });
        assert.ok(pulled.body.equals(whole));
      }
    });

    test('count the wrong passwords of a name together', async () => {
      const statuses: number[] = [];
      for (let guess = 0; guess < 12; guess++) {
        const worker = guess % 2 === 0 ? one : other;
        const reply = await worker.send('/api/v2.0/users/current', { as: `bob:guess-${guess}` });
        statuses.push(reply.status);
        if (reply.status === 429) assert.match(reply.headers['retry-after'] ?? '', /^\d+$/);
      }
      assert.deepEqual(statuses, [...new Array(10).fill(401), 429, 429]);
    });
  });
}

function indexOf(number: number): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: [],
    annotations: { number: String(number) },
  });
}

function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function pathOf(location: string): string {
  const { pathname, search } = new URL(location, 'http://localhost');
  return pathname + search;
}
