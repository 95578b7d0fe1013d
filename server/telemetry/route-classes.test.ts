import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTarget, routeOf } from './route-classes.ts';

const targets: [string, string, string | undefined, string?][] = [
  ['/v2', 'base', undefined],
  ['/v2/', 'base', undefined],
  ['/v2/_catalog?n=3', 'catalog', undefined, '/v2/_catalog'],
  ['/v2/team/app/manifests/1.0', 'manifest', 'team/app'],
  ['/v2/team/manifests/x/manifests/1.0', 'manifest', 'team/manifests/x'],
  ['/v2/team/app/tags/list?n=1&last=x', 'tags', 'team/app', '/v2/team/app/tags/list'],
  ['/v2/team/app/referrers/sha256:00', 'referrers', 'team/app'],
  ['/v2/team/app/blobs/sha256:00', 'blob', 'team/app'],
  ['/v2/team/app/blobs/uploads', 'upload', 'team/app'],
  ['/v2/team/app/blobs/uploads/', 'upload', 'team/app'],
  ['/v2/team/app/blobs/uploads/8c?_state=x', 'upload', 'team/app', '/v2/team/app/blobs/uploads/8c'],
  ['/v2/team/app/blobs%2Fuploads%2F8c', 'upload', 'team/app', '/v2/team/app/blobs/uploads/8c'],
  ['/v2/team/app/blobs/shape', 'blob', 'team/app'],
  ['/v2/team/app/manifests/', 'manifest', 'team/app'],
  ['/v2/manifests/1.0', 'other', undefined],
  ['/v2//', 'other', undefined],
  ['/v2/%', 'other', undefined],
  ['/v2x', 'other', undefined],
  ['/service/token?scope=a', 'token', undefined, '/service/token'],
  ['/api/v2.0/projects/team', 'api', undefined],
  ['/api/v2.0/agent/enrolments', 'agent', undefined],
  ['/api/chartrepo/team/charts', 'chart', undefined],
  ['/chartrepo/team/index.yaml', 'chart', undefined],
  ['/healthz', 'probe', undefined],
  ['/readyz?verbose', 'probe', undefined, '/readyz'],
  ['/metrics', 'metrics', undefined],
  ['/', 'other', undefined],
  ['*', 'other', undefined, '/'],
  ['', 'other', undefined, '/'],
  ['http://user:secret@a/v2/?x', 'base', undefined, '/v2/'],
];

for (const [target, route, repository, path = target] of targets) {
  test(`${JSON.stringify(target)} is of the class ${route}`, () => {
    assert.deepEqual(readTarget(target), { route, path, repository });
    assert.equal(routeOf(target), route);
  });
}
