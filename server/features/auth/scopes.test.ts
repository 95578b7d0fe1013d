import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refusal } from '#lib/errors.ts';
import { decide, type Grants, repositoryResource } from '#server/permissions/decide.ts';
import { roles } from '#server/permissions/roles.ts';
import { formatScopes, intersect, parseScopes } from './scopes.ts';

const permissions = {
  pull: 'repository:pull',
  push: 'repository:push',
  delete: 'artifact:delete',
} as const;
type Action = keyof typeof permissions;

const actions = fc.subarray(Object.keys(permissions) as Action[], { minLength: 1 });
const names = fc
  .tuple(fc.constantFrom('team', 'open', 'other', 'absent'), fc.constantFrom('app', 'a/b', 'x_y'))
  .map((segments) => segments.join('/'));
const entries = fc.uniqueArray(
  fc.record({ type: fc.constant('repository'), name: names, actions }, { noNullPrototype: true }),
  { selector: ({ name }) => name, maxLength: 6 },
);
const grants: fc.Arbitrary<Grants> = fc
  .dictionary(
    fc.constantFrom('team', 'open', 'other'),
    fc.record(
      { public: fc.boolean(), role: fc.constantFrom(...roles) },
      { requiredKeys: ['public'] },
    ),
  )
  .map((projects) => ({
    principal: { kind: 'user', id: 1, name: 'alice' },
    systemAdmin: false,
    projects: new Map(Object.entries(projects)),
  }));

test('scopes that are written are read back as they were', () => {
  fc.assert(
    fc.property(entries, (asked) => {
      assert.deepEqual(parseScopes([formatScopes(asked)]), asked);
    }),
  );
});

test('what is granted is all that was asked for and decide allows, and no more', () => {
  fc.assert(
    fc.property(entries, grants, (asked, held) => {
      const granted = new Set(
        intersect(asked, held).flatMap(({ name, actions: list }) =>
          list.map((action) => `${name} ${action}`),
        ),
      );
      for (const { name, actions: list } of asked) {
        for (const action of list) {
          const permission = permissions[action];
          const { allowed } = decide(held, permission, repositoryResource(name));
          assert.equal(granted.delete(`${name} ${action}`), allowed, `${name} ${action}`);
        }
      }
      assert.deepEqual([...granted], []);
    }),
  );
});

test('whatever is asked for is read or refused, and grants nothing to those who hold nothing', () => {
  const nobody: Grants = {
    principal: { kind: 'anonymous' },
    systemAdmin: false,
    projects: new Map(),
  };
  const scopes = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^(repository|registry|x)(\([a-z]*\))?:[a-z/:*]*:(pull|push|\*|,)*$/),
  );
  fc.assert(
    fc.property(fc.array(scopes), (parameters) => {
      try {
        const read = parseScopes(parameters);
        assert.deepEqual(intersect(read, nobody), []);
        assert.deepEqual(parseScopes([formatScopes(read)]), read);
      } catch (error) {
        assert.ok(error instanceof Refusal && error.kind === 'invalid', String(error));
      }
    }),
  );
});
