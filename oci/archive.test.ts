import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { writeImageArchive } from './archive.ts';
import { type BuiltManifest, buildImage, buildIndex, buildLayer } from './image.ts';
import { readLayout } from './layout.ts';

const reference = 'registry.example.com:5000/berth/agent:1.2.3';

async function imageFor(architecture: string): Promise<BuiltManifest> {
  const content = Buffer.from(architecture);
  const layer = await buildLayer([{ type: 'file', path: 'architecture', content }]);
  return buildImage({ platform: { os: 'linux', architecture }, layers: [layer], config: {} });
}

async function archived(index: BuiltManifest, architecture: string): Promise<Buffer> {
  const { descriptor: root, blobs } = index;
  return buffer(writeImageArchive({ reference, root, blobs, architecture }));
}

test('an archive is a layout of the whole index, under its name', async () => {
  const index = buildIndex([await imageFor('amd64'), await imageFor('arm64')]);
  const { manifests, blobs } = await readLayout([await archived(index, 'amd64')], 10_000_000);
  assert.deepEqual([...blobs.keys()].sort(), [...index.blobs.keys()].sort());
  assert.equal(manifests[0]?.digest, index.descriptor.digest);
  assert.deepEqual(manifests[0]?.annotations, {
    'io.containerd.image.name': reference,
    'org.opencontainers.image.ref.name': '1.2.3',
  });
});

test('an archive names the image of one architecture for engines that know no index', async () => {
  const [one, other] = [await imageFor('amd64'), await imageFor('arm64')];
  const text = (await archived(buildIndex([one, other]), 'arm64')).toString('latin1');
  const listed = /\[\{"Config".*?\}\]/.exec(text)?.[0] ?? '';
  const [{ Config, RepoTags, Layers }] = JSON.parse(listed);
  assert.deepEqual(RepoTags, [reference]);
  const digests = [Config, ...Layers].map((path) => path.replace('blobs/sha256/', 'sha256:'));
  for (const digest of digests) assert(other.blobs.has(digest), digest);
});

test('an archive for an architecture that the image is not made for is refused', async () => {
  const index = buildIndex([await imageFor('amd64')]);
  await assert.rejects(archived(index, 'arm64'), /is not made for linux\/arm64/);
});
