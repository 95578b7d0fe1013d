import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Digest } from '#oci/digest.ts';
import { type ParsedManifest, parseManifest } from '#oci/manifest.ts';

/** The files of one of our images, entered as the user that its containers run as. */
export interface ImageRoot {
  /** A command that has to succeed; what it writes. */
  run(...command: readonly string[]): Promise<{ stdout: string; stderr: string }>;
  /** The server that the command starts becomes ready, and ends well when it is told to. */
  serves(...command: readonly string[]): Promise<void>;
}

interface Index {
  readonly digest: Digest;
  readonly mediaType: string;
}

const user = '65532:65532';
const env = {
  BERTH_DATA: '/data',
  HOME: '/tmp',
  MALLOC_ARENA_MAX: '1',
  PATH: '/usr/bin:/usr/sbin',
};

/** The manifest of one platform's image. */
export function imageOf(
  index: Index,
  blobs: ReadonlyMap<Digest, Uint8Array>,
  architecture: string,
): ParsedManifest {
  const manifest = manifestOf(index, blobs);
  const child = manifest.children.find(({ platform }) => platform?.architecture === architecture);
  assert.ok(child, `The index names no image for ${architecture}.`);
  return manifestOf(child, blobs);
}

function manifestOf({ digest, mediaType }: Index, blobs: ReadonlyMap<Digest, Uint8Array>) {
  return parseManifest(bytesOf(digest, blobs), mediaType);
}

function bytesOf(digest: Digest, blobs: ReadonlyMap<Digest, Uint8Array>): Uint8Array {
  const bytes = blobs.get(digest);
  assert.ok(bytes, `The blob ${digest} is missing.`);
  return bytes;
}

/** Unpacks an image into a new folder, which only root may enter. */
export async function unpackImage(
  folder: string,
  { layers }: ParsedManifest,
  blobs: ReadonlyMap<Digest, Uint8Array>,
): Promise<ImageRoot> {
  await mkdir(folder);
  await chmod(folder, 0o755);
  for (const { digest } of layers) {
    const tar = spawn('tar', ['-x', '-z', '--preserve-permissions', '-C', folder]);
    tar.stdin.end(bytesOf(digest, blobs));
    assert.deepEqual(await once(tar, 'close'), [0, null]);
  }
  const inside = (command: readonly string[]) => [`--userspec=${user}`, folder, ...command];
  return {
    run: (...command) => promisify(execFile)('chroot', inside(command), { env }),
    serves: async (...command) => {
      const server = spawn('chroot', inside(command), {
        env,
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
    },
  };
}
