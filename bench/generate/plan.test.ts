import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPlan, type Plan, placeOfTag, repositoryName, tagName } from './plan.ts';

const plan: Plan = {
  project: 'bench',
  repositories: 3,
  manifests: 7,
  tags: 20,
  layers: 1,
  blobs: 'distinct',
  garbage: 0,
};

test('a tag points at a manifest of its own repository', () => {
  for (let tag = 0; tag < plan.tags; tag++) {
    const { repository, manifest } = placeOfTag(plan, tag);
    assert.equal(manifest % plan.repositories, repository);
    assert.ok(manifest < plan.manifests, `tag ${tag} points at manifest ${manifest}`);
  }
});

test('every manifest has a tag where there are enough', () => {
  const tagged = new Set(
    Array.from({ length: plan.tags }, (_, tag) => placeOfTag(plan, tag).manifest),
  );
  assert.equal(tagged.size, plan.manifests);
});

test('names are unique and sort by their numbers', () => {
  assert.equal(repositoryName({ ...plan, repositories: 100_000 }, 7), 'bench/app-00007');
  assert.equal(repositoryName({ ...plan, repositories: 1 }, 0), 'bench/app-0');
  assert.equal(tagName({ ...plan, repositories: 1, tags: 1000 }, 42), 'v042');
});

test('what cannot be made is refused with a sentence', () => {
  assert.throws(() => checkPlan({ ...plan, manifests: 2 }), /need as many manifests/);
  assert.throws(() => checkPlan({ ...plan, tags: -1 }), /--tags takes a whole number/);
  assert.throws(() => checkPlan({ ...plan, repositories: Number.NaN }), /--repositories takes/);
  assert.throws(() => checkPlan({ ...plan, repositories: 0 }), /--repositories is at least 1/);
});
