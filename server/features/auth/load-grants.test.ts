import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Permission } from '#server/permissions/roles.ts';
import { newCacheCounts } from '#server/telemetry/cache-counts.ts';
import type { GrantShare, GrantSource } from './grants.ts';
import { createLoadGrants } from './load-grants.ts';

const alice = { kind: 'user', id: 7, name: 'alice' } as const;

function loading(...shares: (GrantShare | Promise<GrantShare>)[]) {
  const generation = { value: 1 };
  const asked: unknown[] = [];
  const sources: GrantSource[] = shares.map((share) => ({
    grantsOf: (_principal, projects) => {
      asked.push(projects);
      return share;
    },
  }));
  return {
    generation,
    asked,
    load: createLoadGrants({
      sources,
      readGeneration: () => generation.value,
      counts: newCacheCounts(),
    }),
  };
}

const pulls = new Set<Permission>(['repository:pull']);

describe('grants', () => {
  test('join what every source knows', async () => {
    const { load } = loading(
      { systemAdmin: false, projects: new Map([['team', { permissions: pulls }]]) },
      Promise.resolve({
        systemPermissions: new Set<Permission>(['project:create']),
        projects: new Map([
          ['team', { public: false, role: 'guest' as const }],
          ['open', { public: true }],
        ]),
      }),
      { projects: new Map([['team', { role: 'developer' as const }]]) },
    );
    assert.deepEqual(await load(alice, ['team', 'open']), {
      principal: alice,
      systemAdmin: false,
      systemPermissions: new Set(['project:create']),
      projects: new Map([
        ['team', { public: false, role: 'developer', permissions: pulls }],
        ['open', { public: true }],
      ]),
    });
  });

  test('leave out projects that do not exist, or hold nothing for the principal', async () => {
    const { load } = loading(
      { projects: new Map([['absent', { permissions: pulls, role: 'guest' as const }]]) },
      { projects: new Map([['closed', { public: false }]]) },
    );
    for (const asked of ['all', ['absent', 'closed']] as const) {
      assert.deepEqual([...(await load(alice, asked)).projects], []);
    }
  });

  test('of every project hold in those that exist', async () => {
    const { load } = loading(
      { everyProject: pulls },
      { projects: new Map([['closed', { public: false }]]) },
    );
    for (const asked of ['all', ['absent', 'closed']] as const) {
      assert.deepEqual(
        [...(await load(alice, asked)).projects],
        [['closed', { public: false, permissions: pulls }]],
      );
    }
  });

  test('are told at once, and asked for once a generation, principal and set of projects', () => {
    const { load, asked, generation } = loading({ systemAdmin: true });
    const first = load(alice, ['team']);
    assert.ok(!(first instanceof Promise));
    assert.equal(load(alice, ['team']), first);
    assert.equal(asked.length, 1);
    load({ ...alice, id: 8 }, ['team']);
    load(alice, ['other']);
    load(alice, 'all');
    assert.equal(asked.length, 4);
    generation.value = 2;
    assert.notEqual(load(alice, ['team']), first);
    assert.equal(asked.length, 5);
  });
});
