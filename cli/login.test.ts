import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import {
  type CommandResult,
  openCommandLine,
  type SignedIn,
  signIn,
} from './testing/command-line.ts';

let admin: SignedIn;
before(async () => {
  admin = await signIn();
});
after(() => admin[Symbol.asyncDispose]());

const fingerprint = () => new X509Certificate(admin.server.authority).fingerprint256;

function assertRefused({ code, stdout, stderr }: CommandResult, sentence: RegExp, exitCode = 1) {
  assert.equal(code, exitCode, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, sentence);
  assert.match(stderr, /^berth: [^\n]+[.!?]\n$/);
}

describe('signing in', () => {
  test('keeps a token of this machine, and not the password, for the owner alone', async () => {
    const content = await readFile(admin.configFile, 'utf8');
    assert.equal((await stat(admin.configFile)).mode & 0o777, 0o600);
    assert.doesNotMatch(content, new RegExp(admin.adminPassword));
    const { current, servers } = JSON.parse(content);
    assert.equal(current, admin.server.host);
    assert.match(servers[current].secret, /^berth_pat_/);
    const tokens = (await admin.berth(['token', 'list', '--json'])).json();
    assert.deepEqual(
      tokens.map(({ id }: { id: number }) => id),
      [servers[current].tokenId],
    );
    assert.match(tokens[0].name, /^berth on /);
  });

  test('again replaces the token that it had, and spares those of others on this machine', async () => {
    await using other = await openCommandLine();
    const login = ['login', admin.server.host, '-u', 'admin', '--password-stdin'];
    const trust = ['--fingerprint', fingerprint()];
    const input = admin.adminPassword;
    assert.equal((await other.berth([...login, ...trust], { input })).code, 0);
    const tokens = async () => (await other.berth(['token', 'list', '--json'])).json();
    const before = await tokens();
    // The server is known from the first time: nothing has to be said about trust again.
    assert.equal((await other.berth(login, { input })).code, 0);
    const after = await tokens();
    assert.equal(after.length, before.length);
    assert.notDeepEqual(after, before);
    assert.equal((await admin.berth(['token', 'list'])).code, 0);
    await other.berth(['logout']);
  });

  test('refuses an authority that nobody vouches for, and tells its fingerprint', async () => {
    await using stranger = await openCommandLine();
    const login = ['login', admin.server.host, '-u', 'admin', '--password-stdin'];
    const unknown = await stranger.berth(login, { input: admin.adminPassword });
    assertRefused(unknown, /authority that is not trusted here.*--fingerprint\.$/m);
    assert.ok(unknown.stderr.includes(fingerprint()));
    const other = fingerprint().replace(/^../, (byte) => (byte === '00' ? '11' : '00'));
    const wrong = await stranger.berth([...login, '--fingerprint', other], {
      input: admin.adminPassword,
    });
    assertRefused(wrong, /has the fingerprint .*, not .*: nothing was changed/);
    await assert.rejects(stat(stranger.configFile), { code: 'ENOENT' });
  });

  test('refuses a wrong password, and keeps the session that there was', async () => {
    const before = await readFile(admin.configFile, 'utf8');
    const login = ['login', admin.server.host, '-u', 'admin', '--password-stdin'];
    assertRefused(await admin.berth(login, { input: 'wrong password' }), /password is wrong/);
    assert.equal(await readFile(admin.configFile, 'utf8'), before);
  });

  test('without a terminal asks for nothing, and says what to give', async () => {
    const trust = ['--ca-file', admin.caFile];
    const noName = await admin.berth(['login', admin.server.host, ...trust]);
    assertRefused(noName, /--username/, 2);
    const noPassword = await admin.berth(['login', admin.server.host, '-u', 'admin', ...trust]);
    assertRefused(noPassword, /--password-stdin/, 2);
    const empty = ['login', admin.server.host, '-u', 'admin', '--password-stdin', ...trust];
    assertRefused(await admin.berth(empty), /standard input is empty/, 2);
  });

  test('says what is wrong with a host, a file or a server that cannot be used', async () => {
    const login = (host: string, ...more: string[]) =>
      admin.berth(['login', host, '-u', 'admin', '--password-stdin', ...more], { input: 'x' });
    assertRefused(await login('a b'), /names no server/, 2);
    assertRefused(await login('user@host'), /names no server/, 2);
    assertRefused(await login('localhost:1'), /could not be reached: nothing listens there/);
    assertRefused(await login('berth.invalid'), /could not be reached/);
    assertRefused(await login(admin.server.host, '--ca-file', '/nowhere'), /no such file/);
    const noCertificate = await login(admin.server.host, '--ca-file', '/etc/hostname');
    assertRefused(noCertificate, /is no PEM certificate/);
  });
});

describe('the environment', () => {
  test('names another server and account than the stored ones', async () => {
    const { secret } = JSON.parse(await readFile(admin.configFile, 'utf8')).servers[
      admin.server.host
    ];
    const env = { BERTH_SERVER: admin.server.host, BERTH_TOKEN: `admin:${secret}` };
    assert.equal((await admin.berth(['project', 'list'], { env })).code, 0);
    const bare = { BERTH_SERVER: admin.server.host, BERTH_TOKEN: secret };
    assert.equal((await admin.berth(['project', 'list'], { env: bare })).code, 0);
    const wrong = { BERTH_TOKEN: 'admin:berth_pat_x' };
    const refused = await admin.berth(['project', 'list'], { env: wrong });
    assertRefused(refused, /Sign in with berth login localhost:\d+\.$/m);
    await using nobody = await openCommandLine();
    assertRefused(await nobody.berth(['project', 'list']), /not signed in: run berth login HOST/);
    const noServer = await nobody.berth(['project', 'list'], { env: { BERTH_TOKEN: 'a:b' } });
    assertRefused(noServer, /set BERTH_SERVER/, 2);
    const noName = { BERTH_SERVER: 'registry.test', BERTH_TOKEN: 'b' };
    assertRefused(await nobody.berth(['project', 'list'], { env: noName }), /NAME:TOKEN/, 2);
    const untrusted = { BERTH_SERVER: admin.server.host, BERTH_TOKEN: `admin:${secret}` };
    const failed = await nobody.berth(['project', 'list'], { env: untrusted });
    assertRefused(failed, /not trusted here.*berth login/);
  });

  test('says where sessions are kept', async () => {
    await using other = await openCommandLine();
    const env = { XDG_CONFIG_HOME: `${other.home}/elsewhere` };
    const login = ['login', admin.server.host, '-u', 'admin', '--password-stdin'];
    const trust = ['--ca-file', admin.caFile];
    const input = admin.adminPassword;
    assert.equal((await other.berth([...login, ...trust], { input, env })).code, 0);
    assert.equal((await stat(`${other.home}/elsewhere/berth/config.json`)).mode & 0o777, 0o600);
    assert.equal((await other.berth(['token', 'list'], { env })).code, 0);
    assert.equal((await other.berth(['token', 'list'])).code, 1);
  });

  test('with a file of sessions that is none is refused, and the file is left as it is', async () => {
    await using other = await openCommandLine();
    const login = ['login', admin.server.host, '-u', 'admin', '--password-stdin'];
    const trust = ['--ca-file', admin.caFile];
    assert.equal((await other.berth([...login, ...trust], { input: admin.adminPassword })).code, 0);
    for (const content of ['{', '[]', '{"servers":{"a":1}}', '{"servers":null}']) {
      await writeFile(other.configFile, content);
      assertRefused(await other.berth(['token', 'list']), /is not what berth wrote there/);
      assert.equal(await readFile(other.configFile, 'utf8'), content);
    }
  });
});

test('signing out deletes the token, and forgets the session', async () => {
  await using other = await openCommandLine();
  const login = ['login', admin.server.host, '-u', 'admin', '--password-stdin'];
  const trust = ['--ca-file', admin.caFile];
  assert.equal((await other.berth([...login, ...trust], { input: admin.adminPassword })).code, 0);
  const kept = JSON.parse(await readFile(other.configFile, 'utf8')).servers[admin.server.host];
  const out = await other.berth(['logout', '--json']);
  assert.deepEqual(out.json(), { server: admin.server.host, token_deleted: true });
  const { status } = await admin.server.request('/api/v2.0/users/current', {
    as: `admin:${kept.secret}`,
  });
  assert.equal(status, 401);
  assertRefused(await other.berth(['logout']), /not signed in anywhere/);
});
