import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Decision,
  decide,
  type Grants,
  type ProjectGrant,
  repositoryResource,
  systemResource,
} from './decide.ts';
import type { Principal } from './principals.ts';
import { type Permission, permissionsOfRole, roles } from './roles.ts';

const alice: Principal = { kind: 'user', id: 1, name: 'alice' };
const anonymous: Principal = { kind: 'anonymous' };
const app = repositoryResource('team/app');

function grants(principal: Principal, team?: ProjectGrant, more: Partial<Grants> = {}): Grants {
  const projects = new Map(team === undefined ? [] : [['team', team]]);
  return { principal, systemAdmin: false, projects, ...more };
}

function reason(decision: Decision): string {
  assert.ok(!decision.allowed);
  return decision.reason;
}

describe('who may do what', () => {
  test('a role holds all that the roles below it hold', () => {
    for (const [index, role] of roles.entries()) {
      const below = roles[index - 1];
      if (below === undefined) continue;
      assert.ok(permissionsOfRole[role].isSupersetOf(permissionsOfRole[below]), role);
      assert.ok(permissionsOfRole[role].size > permissionsOfRole[below].size, role);
    }
  });

  const allowed: [string, Permission, boolean][] = [
    ['limited-guest', 'repository:pull', true],
    ['limited-guest', 'member:list', false],
    ['guest', 'member:list', true],
    ['guest', 'repository:push', false],
    ['developer', 'repository:push', true],
    ['developer', 'artifact:delete', false],
    ['maintainer', 'artifact:delete', true],
    ['maintainer', 'member:create', false],
    ['project-admin', 'member:create', true],
    ['project-admin', 'user:create', false],
  ];
  for (const [role, permission, expected] of allowed) {
    test(`${role} ${expected ? 'may' : 'may not'} ${permission}`, () => {
      const held = grants(alice, { public: false, role: role as (typeof roles)[number] });
      assert.equal(decide(held, permission, app).allowed, expected);
    });
  }

  test('anyone pulls from a public project, and nobody pushes to it by that', () => {
    const held = grants(anonymous, { public: true });
    assert.ok(decide(held, 'repository:pull', app).allowed);
    assert.ok(!decide(held, 'repository:push', app).allowed);
  });

  test('a system admin may do everything everywhere', () => {
    const held = grants(alice, undefined, { systemAdmin: true });
    assert.ok(decide(held, 'project:delete', app).allowed);
    assert.ok(decide(held, 'user:delete', systemResource).allowed);
  });

  test('a robot may do what it was given in that project and nothing else', () => {
    const robot: Principal = { kind: 'robot', id: 1, name: 'robot+ci' };
    const held = grants(robot, { public: false, permissions: new Set(['repository:pull']) });
    assert.ok(decide(held, 'repository:pull', app).allowed);
    assert.ok(!decide(held, 'repository:push', app).allowed);
    assert.ok(!decide(held, 'repository:pull', repositoryResource('other/app')).allowed);
  });

  test('permissions outside projects do not reach into them', () => {
    const held = grants(alice, undefined, { systemPermissions: new Set(['project:create']) });
    assert.ok(decide(held, 'project:create', systemResource).allowed);
    assert.ok(!decide(held, 'repository:pull', app).allowed);
  });
});

describe('a refusal', () => {
  test('is the same for a project that is absent and one that is hidden', () => {
    const absent = decide(grants(alice), 'repository:pull', app);
    const hidden = decide(grants(alice, { public: false }), 'repository:pull', app);
    assert.equal(reason(absent), reason(hidden));
  });

  test('names who, what is missing and the command that grants it', () => {
    assert.equal(
      reason(decide(grants(alice), 'repository:pull', app)),
      'user alice has no pull on team/app: an admin of team can run berth member add team alice --role limited-guest',
    );
    const workload: Principal = {
      kind: 'workload',
      cluster: 'prod',
      namespace: 'web',
      serviceAccount: 'default',
    };
    assert.match(
      reason(decide(grants(workload), 'repository:pull', app)),
      /^workload prod\/web\/default has no pull on team\/app: .*berth cluster grant prod --namespace web --project team$/,
    );
    const ofTeam: Principal = { kind: 'robot', id: 1, name: 'robot+team+ci' };
    assert.match(
      reason(decide(grants(ofTeam), 'repository:push', app)),
      /^robot robot\+team\+ci has no push on team\/app: run berth robot update robot\+team\+ci --permission repository:push --project team$/,
    );
    const ofOther: Principal = { kind: 'robot', id: 1, name: 'robot+other+ci' };
    assert.match(
      reason(decide(grants(ofOther), 'repository:pull', app)),
      /belongs to other, so an admin of team .*berth robot create ci --project team/,
    );
    assert.match(reason(decide(grants(anonymous), 'repository:pull', app)), /anonymous.*sign in/);
    assert.match(
      reason(decide(grants(alice), 'repository:push', app)),
      /berth project create team, or .*berth member add team alice --role developer/,
    );
    assert.match(reason(decide(grants(alice), 'user:create', systemResource)), /system admin/);
  });
});
