import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { parseManifest } from '#oci/manifest.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type BuiltImages, buildImages } from './build.ts';
import { ownArchitecture, ownPlatform } from './platforms.ts';

const execute = promisify(execFile);
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
    assert.equal(layersOf(images.berth)[0]?.digest, layersOf(images.agent)[0]?.digest);
  });

  test('serves, and answers commands, as a user without rights where nothing else is', {
    skip: isRoot ? false : 'only root may change the root of a process',
  }, async () => {
    const root = await mkdtemp(join(folder, 'root-'));
    await chmod(root, 0o755);
    for (const { digest } of layersOf(images.berth)) {
      const bytes = images.berth.blobs.get(digest) ?? assert.fail();
      const tar = spawn('tar', ['-x', '-z', '--preserve-permissions', '-C', root]);
      tar.stdin.end(bytes);
      assert.deepEqual(await once(tar, 'close'), [0, null]);
    }
    const user = ['--userspec=65532:65532', root, '/usr/bin/berth'];
    const environment = { BERTH_DATA: '/data', HOME: '/tmp', PATH: '/usr/bin:/usr/sbin' };
    const { stdout } = await execute('chroot', [...user, 'version', '--json'], {
      env: environment,
    });
    assert.equal(JSON.parse(stdout).node, process.versions.node);

    const server = spawn('chroot', [...user, 'serve', '--port=0'], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(server, 'exit');
    for await (const line of createInterface({ input: server.stdout })) {
      const port = /"port":(\d+),"msg":"listening"/.exec(line)?.[1];
      if (port === undefined) continue;
      assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
      break;
    }
    server.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  function layersOf(image: BuiltImages['berth']) {
    const index = parseManifest(image.bytes, image.descriptor.mediaType);
    const child = index.children.find(({ platform }) => platform?.architecture === ownArchitecture);
    const bytes = child && image.blobs.get(child.digest);
    assert(bytes);
    return parseManifest(bytes, child.mediaType).layers;
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
