import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { openCommandLine, type SignedIn, signIn } from './testing/command-line.ts';
import { berthInTerminal } from './testing/typed.ts';

let admin: SignedIn;
before(async () => {
  admin = await signIn();
});
after(() => admin[Symbol.asyncDispose]());

describe('in a terminal', () => {
  test('signing in shows the fingerprint, asks, and never shows the password', async () => {
    await using person = await openCommandLine();
    const login = ['login', admin.server.host];
    const mistyped = `${admin.adminPassword.slice(0, -1)}x\u007f${admin.adminPassword.slice(-1)}`;
    const { code, screen } = await berthInTerminal(person.home, login, [
      { to: '[y/N]', type: 'y\r' },
      { to: 'User name:', type: 'admin\r' },
      { to: 'Password of admin:', type: `${mistyped}\r` },
    ]);
    assert.equal(code, 0, screen);
    assert.ok(screen.includes(new X509Certificate(admin.server.authority).fingerprint256));
    assert.match(screen, /Signed in to localhost:\d+ as admin\./);
    assert.ok(!screen.includes(admin.adminPassword.slice(0, 6)), screen);
    const list = await berthInTerminal(person.home, ['token', 'list'], []);
    assert.match(list.screen, /^NAME +CREATED +ENDS +LAST USED\nberth on /);
  });

  test('whoever does not accept the fingerprint is not asked for a password', async () => {
    await using person = await openCommandLine();
    const { code, screen } = await berthInTerminal(
      person.home,
      ['login', admin.server.host],
      [{ to: '[y/N]', type: '\r' }],
    );
    assert.equal(code, 1);
    assert.match(screen, /the authority was not accepted/);
    assert.doesNotMatch(screen, /Password/);
  });

  test('Ctrl-C and Ctrl-D end a question, and the command, without a trace', async () => {
    await using person = await openCommandLine();
    for (const key of ['\u0003', '\u0004']) {
      const login = ['login', admin.server.host];
      const { code, screen } = await berthInTerminal(person.home, login, [
        { to: '[y/N]', type: key },
      ]);
      assert.equal(code, 1, screen);
      assert.match(screen, /berth: Stopped: nothing was changed\.\n$/);
      assert.doesNotMatch(screen, /Warning|await/);
    }
  });

  test('a password is asked for twice, and Ctrl-C leaves it as it was', async () => {
    const change = (answers: Parameters<typeof berthInTerminal>[2]) =>
      berthInTerminal(admin.home, ['user', 'password', 'admin'], answers);
    const present = { to: 'Present password:', type: `${admin.adminPassword}\r` };
    const wanted = { to: 'New password of admin:', type: 'Another-password-1\r' };
    const differs = await change([present, wanted, { to: 'Once more:', type: 'Another\r' }]);
    assert.equal(differs.code, 2, differs.screen);
    assert.match(differs.screen, /differ: nothing was changed/);
    const stopped = await change([present, { to: 'New password of admin:', type: '\u0003' }]);
    assert.equal(stopped.code, 1);
    assert.match(stopped.screen, /Stopped: nothing was changed/);
    const { status } = await admin.server.request('/api/v2.0/users/current', {
      as: admin.server.admin,
    });
    assert.equal(status, 200);
    const again = { to: 'Once more:', type: 'Another-password-1\r' };
    assert.equal((await change([present, wanted, again])).code, 0);
  });
});
