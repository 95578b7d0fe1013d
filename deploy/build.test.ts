import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { imageOf, unpackImage } from '#test/image-root.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type BuiltImages, buildImages } from './build.ts';
import { ownArchitecture, ownPlatform } from './platforms.ts';

const version = '1.2.3';
const isRoot = process.getuid?.() === 0;

describe("Berth's own image", () => {
  let folder: string;
  let images: BuiltImages;
  const build = async (name: string, platforms = [ownPlatform()]) =>
    buildImages({ platforms, folder: join(folder, name), repository: repositoryRoot, version });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-deploy-'));
    await chmod(folder, 0o755);
    images = await build('first');
  });
  after(() => rm(folder, { recursive: true }));

  test('is the same whenever and wherever it is built', async () => {
    const again = await build('second');
    assert.equal(again.berth.descriptor.digest, images.berth.descriptor.digest);
    assert.equal(again.agent.descriptor.digest, images.agent.descriptor.digest);
  });

  test('shares the layer of Node.js with the image of the agent', () => {
    assert.equal(
      imageFrom(images.berth).layers[0]?.digest,
      imageFrom(images.agent).layers[0]?.digest,
    );
  });

  test('serves, and answers commands, as a user without rights where nothing else is', {
    skip: isRoot ? false : 'only root may change the root of a process',
  }, async () => {
    const image = imageFrom(images.berth);
    const root = await unpackImage(join(folder, 'root'), image, images.berth.blobs);
    const { stdout } = await root.run('/usr/bin/berth', 'version', '--json');
    assert.equal(JSON.parse(stdout).node, process.versions.node);
    await root.serves('/usr/bin/berth', 'serve', '--port=0');
  });

  function imageFrom({ descriptor, blobs }: BuiltImages['berth']) {
    return imageOf(descriptor, blobs, ownArchitecture);
  }
});

test('the chart has the version of the program', async () => {
  const [chart, manifest] = await Promise.all(
    ['deploy/chart/Chart.yaml', 'package.json'].map((path) =>
      readFile(join(repositoryRoot, path), 'utf8'),
    ),
  );
  const { version: ofChart, appVersion } = parse(chart ?? '');
  assert.deepEqual([ofChart, appVersion], Array(2).fill(JSON.parse(manifest ?? '').version));
});
