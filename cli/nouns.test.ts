import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asking, type SignedIn, signIn } from './testing/command-line.ts';

let admin: SignedIn;
before(async () => {
  admin = await signIn();
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

function signedInAs(name: string, secret: string) {
  return { env: { BERTH_SERVER: admin.server.host, BERTH_TOKEN: `${name}:${secret}` } };
}

describe('berth project', () => {
  test('creates, opens, closes, shows, lists and removes a project', async () => {
    assert.equal((await json('project', 'create', 'apples')).public, false);
    assert.equal((await json('project', 'show', 'apples')).metadata.public, 'false');
    await json('project', 'public', 'apples');
    assert.equal((await json('project', 'show', 'apples')).metadata.public, 'true');
    await json('project', 'private', 'apples');
    assert.equal((await json('project', 'show', 'apples')).metadata.public, 'false');
    const names = (await json('project', 'list')).map(({ name }: { name: string }) => name);
    assert.ok(names.includes('apples'));
    assert.deepEqual(await json('project', 'list', '--name', 'no-such'), []);
    await json('project', 'remove', 'apples');
    await refused(/There is no project/, 1, 'project', 'show', 'apples');
    await refused(/missing required argument/, 2, 'project', 'create');
    await refused(/its name must be/, 1, 'project', 'create', 'No Good');
  });

  test('finds a project whose name is a number', async () => {
    await json('project', 'create', '2048');
    assert.equal((await json('project', 'show', '2048')).name, '2048');
    await json('project', 'remove', '2048');
  });

  test('prints fields that a script can cut when it is piped', async () => {
    await json('project', 'create', 'piped');
    const { stdout } = await admin.berth(['project', 'list', '--name', 'piped']);
    assert.match(stdout, /^piped\tprivate\t0\tadmin\t\d{4}-\d\d-\d\d \d\d:\d\d\n$/);
  });
});

describe('berth repository', () => {
  test('lists what a project holds, and removes it for good only when told to', async () => {
    await json('project', 'create', 'orchard');
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const pushed = await admin.server.request('/v2/orchard/trees/pear/manifests/1', {
      method: 'PUT',
      as: admin.server.admin,
      headers: { 'content-type': mediaType },
      body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }),
    });
    assert.equal(pushed.status, 201);
    const [listed] = await json('repository', 'list', 'orchard');
    assert.equal(listed.name, 'orchard/trees/pear');
    await refused(/berth repository remove NAME/, 1, 'project', 'remove', 'orchard');
    await refused(/remove .* for good with --yes/, 2, 'repository', 'remove', 'orchard/trees/pear');
    await refused(/write PROJECT\/NAME/, 2, 'repository', 'remove', 'orchard', '--yes');
    await json('repository', 'remove', 'orchard/trees/pear', '--yes');
    await refused(/no repository/, 1, 'repository', 'remove', 'orchard/trees/pear', '--yes');
    assert.deepEqual(await json('repository', 'list', 'orchard'), []);
    await json('project', 'remove', 'orchard');
  });
});

describe('berth user', () => {
  test('adds a user whose password is printed once and works', async () => {
    const added = await json('user', 'add', 'alice', '--email', 'alice@example.com');
    const me = await admin.server.request('/api/v2.0/users/current', {
      as: `alice:${added.password}`,
    });
    assert.equal(me.status, 200);
    const listed = (await json('user', 'list')).find(
      ({ username }: { username: string }) => username === 'alice',
    );
    assert.equal(listed.email, 'alice@example.com');
    assert.equal(listed.sysadmin_flag, false);
  });

  test('takes a password from standard input, and does not print it', async () => {
    const password = 'Correct-horse-1';
    const options = { input: `${password}\n` };
    const added = await admin.berth(['user', 'add', 'bob', '--password-stdin', '--admin'], options);
    assert.equal(added.code, 0, added.stderr);
    assert.doesNotMatch(added.stdout, new RegExp(password));
    const me = await admin.server.request('/api/v2.0/users/current', { as: `bob:${password}` });
    assert.equal(JSON.parse(me.body.toString()).sysadmin_flag, true);
    await json('user', 'admin', 'bob', '--remove');
    const next = { input: 'Another-horse-2' };
    const changed = await admin.berth(['user', 'password', 'bob', '--password-stdin'], next);
    assert.equal(changed.code, 0, changed.stderr);
    const old = await admin.server.request('/api/v2.0/users/current', { as: `bob:${password}` });
    assert.equal(old.status, 401);
    await json('user', 'remove', 'bob');
    await refused(/There is no user bob/, 1, 'user', 'remove', 'bob');
  });

  test('changes its own password only with the present one', async () => {
    const { password } = await json('user', 'add', 'carol');
    const as = signedInAs('carol', password);
    const change = ['user', 'password', 'carol', '--password-stdin'];
    const one = await admin.berth(change, { ...as, input: 'Only-the-new-1' });
    assert.equal(one.code, 2);
    const wrong = await admin.berth(change, { ...as, input: 'wrong\nThe-new-one-1\n' });
    assert.equal(wrong.code, 1, wrong.stderr);
    const right = await admin.berth(change, { ...as, input: `${password}\nThe-new-one-1\n` });
    assert.equal(right.code, 0, right.stderr);
    const me = await admin.server.request('/api/v2.0/users/current', { as: 'carol:The-new-one-1' });
    assert.equal(me.status, 200);
  });
});

describe('berth member', () => {
  test('gives, changes and takes roles of users and of namespaces', async () => {
    await json('project', 'create', 'pears');
    await json('user', 'add', 'dave');
    await json('member', 'add', 'pears', 'dave', '--role', 'guest');
    const pods = await json('member', 'add', 'pears', '--namespace', 'prod/web', '--role', 'guest');
    assert.equal(pods.member, 'prod/web/*');
    assert.match(pods.warning, /No cluster is connected as prod: .*berth cluster connect prod/);
    await json('member', 'role', 'pears', 'dave', 'maintainer');
    await json('member', 'role', 'pears', 'prod/web', 'developer');
    const roles = Object.fromEntries(
      (await json('member', 'list', 'pears')).map(
        (member: { entity_name: string; role_id: number }) => [member.entity_name, member.role_id],
      ),
    );
    assert.deepEqual(roles, { admin: 1, dave: 4, 'prod/web/*': 2 });
    await json('member', 'remove', 'pears', 'dave');
    await json('member', 'remove', 'pears', '--namespace', 'prod/web');
    assert.equal((await json('member', 'list', 'pears')).length, 1);
    await refused(/dave is no member of pears/, 1, 'member', 'remove', 'pears', 'dave');
  });

  test('says what is missing', async () => {
    await refused(/--role/, 2, 'member', 'add', 'pears', 'dave');
    await refused(/one of limited-guest/, 2, 'member', 'add', 'pears', 'dave', '--role', 'boss');
    await refused(/Give a user, or --namespace/, 2, 'member', 'add', 'pears', '--role', 'guest');
    const both = ['member', 'add', 'pears', 'dave', '--namespace', 'a/b', '--role', 'guest'];
    await refused(/not both/, 2, ...both);
    const odd = ['member', 'add', 'pears', '--namespace', 'a', '--role', 'guest'];
    await refused(/no CLUSTER\/NAMESPACE/, 2, ...odd);
    await refused(/is no role/, 2, 'member', 'role', 'pears', 'dave', 'boss');
    await refused(/There is no user/, 1, 'member', 'add', 'pears', 'nobody', '--role', 'guest');
  });
});

describe('berth token', () => {
  test('makes a token that signs in until it is removed', async () => {
    const { stdout, code } = await admin.berth(['token', 'create', 'ci', '--days', '30']);
    assert.equal(code, 0);
    const secret = stdout.trim();
    assert.match(secret, /^berth_pat_\w+$/);
    const as = signedInAs('admin', secret);
    assert.equal((await admin.berth(['project', 'list'], as)).code, 0);
    const listed = await json('token', 'list');
    assert.ok(listed.some(({ name }: { name: string }) => name === 'ci'));
    await json('token', 'remove', 'ci');
    assert.equal((await admin.berth(['project', 'list'], as)).code, 1);
    await refused(/no access token named ci/, 1, 'token', 'remove', 'ci');
    await refused(/number of days/, 2, 'token', 'create', 'x', '--days', '1.5');
  });
});

describe('berth robot', () => {
  test('makes a robot of a project, and changes what it may do', async () => {
    await json('project', 'create', 'plums');
    const robot = await json('robot', 'create', 'ci', '--project', 'plums', '--days', '7');
    assert.match(robot.name, /plums\+ci$/);
    const as = signedInAs(robot.name, robot.secret);
    const seen = await admin.berth(['project', 'list', '--json'], as);
    assert.equal(seen.code, 0, seen.stderr);
    const update = ['robot', 'update', robot.name, '--permission', 'push', '--project', 'plums'];
    const updated = await json(...update);
    assert.deepEqual(
      updated.permissions[0].access.map(
        ({ resource, action }: { resource: string; action: string }) => `${resource}:${action}`,
      ),
      ['repository:pull', 'repository:push'],
    );
    const [listed] = await json('robot', 'list', '--project', 'plums');
    assert.equal(listed.name, robot.name);
    await json('robot', 'disable', robot.name);
    assert.equal((await admin.berth(['project', 'list'], as)).code, 1);
    await json('robot', 'enable', 'plums+ci');
    assert.equal((await admin.berth(['project', 'list'], as)).code, 0);
    const fresh = await json('robot', 'refresh', 'plums+ci');
    assert.equal((await admin.berth(['project', 'list'], as)).code, 1);
    const again = signedInAs(robot.name, fresh.secret);
    assert.equal((await admin.berth(['project', 'list'], again)).code, 0);
    await json('robot', 'remove', robot.name);
    assert.equal((await admin.berth(['project', 'list'], again)).code, 1);
    await refused(/There is no robot/, 1, 'robot', 'remove', robot.name);
  });

  test('makes robots of the system, and says what is missing', async () => {
    const robot = await json('robot', 'create', 'mirror', '--every-project', '--never-expires');
    assert.equal(robot.expires_at, -1);
    const [listed] = await json('robot', 'list');
    assert.equal(listed.permissions[0].namespace, '*');
    await json('robot', 'remove', 'mirror');
    const maker = await json('robot', 'create', 'maker', '--system', 'project:create');
    const as = signedInAs(maker.name, maker.secret);
    assert.equal((await admin.berth(['project', 'create', 'made'], as)).code, 0);
    await refused(/--project PROJECT, or --every-project/, 2, 'robot', 'create', 'x');
    const both = ['robot', 'create', 'x', '--every-project', '--days', '3', '--never-expires'];
    await refused(/not both/, 2, ...both);
    const odd = ['robot', 'create', 'x', '--every-project', '--permission', 'fly'];
    await refused(/is no permission/, 2, ...odd);
    await refused(/There is no project/, 1, 'robot', 'create', 'x', '--project', 'nowhere');
  });

  test('prints name and secret plainly, one a line', async () => {
    const { stdout } = await admin.berth(['robot', 'create', 'plain', '--every-project']);
    assert.match(stdout, /^Name: {3}\S+\nSecret: berth_robot_\w+\n$/);
  });
});
