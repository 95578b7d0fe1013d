import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readLayout } from '#oci/layout.ts';
import { type ImageRoot, imageOf, unpackImage } from '#test/image-root.ts';
import { repositoryRoot } from '#test/suite.ts';
import { ownArchitecture } from '../../deploy/platforms.ts';

const { version } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8'));
const emulators = { amd64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' } as const;

for (const architecture of ['amd64', 'arm64'] as const) {
  const isOwn = architecture === ownArchitecture;
  describe(`the package for ${architecture}${isOwn ? '' : ', on a processor that QEMU emulates'}`, () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'berth-packaged-'));
    });
    after(() => rm(folder, { recursive: true }));

    async function unpacked(name: string): Promise<ImageRoot> {
      const archive = createReadStream(join(repositoryRoot, 'dist', `${name}-${version}.tar`));
      const { manifests, blobs } = await readLayout(archive, 1_000_000_000);
      const [index] = manifests;
      assert.ok(index);
      const root = join(folder, name);
      const image = await unpackImage(root, imageOf(index, blobs, architecture), blobs);
      if (!isOwn) await copyFile(`/usr/bin/${emulators[architecture]}`, join(root, 'emulator'));
      return image;
    }

    /** The kernel does not know the emulator: each program has to be handed to it. */
    const node = isOwn ? ['/usr/bin/node'] : ['/emulator', '/usr/bin/node'];
    /** What /usr/bin/berth becomes. */
    const berth = [...node, '--use-system-ca', '--expose-gc', '/berth/berth.js'];

    test('Berth tells its version, and serves', async () => {
      const root = await unpacked('berth');
      const { stdout } = await root.run(...berth, 'version', '--json');
      assert.deepEqual(JSON.parse(stdout), { version, node: process.versions.node });
      await root.serves(...berth, 'serve', '--port=0');
    });

    test('the agent starts, and says what it lacks outside of a cluster', async () => {
      const root = await unpacked('berth-agent');
      await assert.rejects(root.run(...node, '/berth/agent.mjs'), /BERTH_REGISTRY is not set/);
    });
  });
}
