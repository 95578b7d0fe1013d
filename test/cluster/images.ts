import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { descriptorToJson } from '#oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '#oci/digest.ts';
import { buildLayer, buildImage as buildManifest, type RuntimeConfig } from '#oci/image.ts';
import { textFile, withFolders } from '#oci/node-image.ts';
import { type TarEntry, writeTar } from '#oci/tar.ts';
import { succeed } from '#test/processes.ts';

/** An image as one tar that is both an OCI layout and what `docker load` reads. */
export interface ImageArchive {
  /** With host and tag: `registry.berth.test/ithome/netutils:latest`. */
  readonly reference: string;
  /** Of the image's manifest. */
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ImageContent {
  readonly reference: string;
  /** Folders on the way to an entry need not be named. */
  readonly entries: readonly TarEntry[];
  readonly config: RuntimeConfig;
}

const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };

/** Builds an image of one layer without an engine or a network. */
export async function buildImage({
  reference,
  entries,
  config,
}: ImageContent): Promise<ImageArchive> {
  const layer = await buildLayer(withFolders(entries));
  const image = buildManifest({ platform, layers: [layer], config });
  const manifest = descriptorToJson({
    ...image.descriptor,
    annotations: {
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
    },
  });
  const layerDigest = layer.descriptor.digest;
  const configDigest = [...image.blobs.keys()].find(
    (digest) => digest !== layerDigest && digest !== image.descriptor.digest,
  );
  if (configDigest === undefined) throw new Error(`The image ${reference} has no configuration.`);
  const forDocker = [
    { Config: blobPath(configDigest), RepoTags: [reference], Layers: [blobPath(layerDigest)] },
  ];
  const files = withFolders([
    jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
    jsonFile('index.json', { schemaVersion: 2, manifests: [manifest] }),
    jsonFile('manifest.json', forDocker),
    ...[...image.blobs].map(
      ([digest, content]): TarEntry => ({ type: 'file', path: blobPath(digest), content }),
    ),
  ]);
  return { reference, digest: image.descriptor.digest, bytes: await buffer(writeTar(files)) };
}

/** An image with a shell and the usual commands; a marker makes its digests its own. */
export async function busyboxImage(
  reference: string,
  {
    command = ['sh', '-c', 'trap exit TERM; while :; do sleep 3600 & wait; done'],
    marker = reference,
  } = {},
): Promise<ImageArchive> {
  const binary = await readFile('/usr/bin/busybox');
  const applets = await succeed('/usr/bin/busybox', ['--list']);
  const links = applets
    .trim()
    .split('\n')
    .filter((applet) => applet !== 'busybox')
    .map((applet): TarEntry => ({ type: 'symlink', path: `bin/${applet}`, target: 'busybox' }));
  return buildImage({
    reference,
    config: { Cmd: command, Env: ['PATH=/bin'] },
    entries: [
      { type: 'file', path: 'bin/busybox', content: binary, mode: 0o755 },
      ...links,
      textFile('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
      textFile('etc/group', 'root:x:0:\n'),
      textFile('etc/marker', `${marker}\n`),
    ],
  });
}

/** The image of a pod's sandbox: like the usual one it holds one program, and no shell. */
export function sandboxImage(reference: string): Promise<ImageArchive> {
  return buildImage({
    reference,
    config: { Cmd: ['/pause'] },
    entries: [{ type: 'file', path: 'pause', content: pauseProgram(), mode: 0o755 }],
  });
}

/** An ELF program of one segment that waits for signals for ever. */
function pauseProgram(): Buffer {
  if (process.arch !== 'x64') {
    throw new Error(
      `The sandbox's program is written for x64, and this machine is ${process.arch}.`,
    );
  }
  // mov eax, 34 (pause); syscall; jmp to the start
  const code = Buffer.from('b822000000' + '0f05' + 'ebf7', 'hex');
  const headers = 64 + 56;
  const base = 0x400000n;
  const size = BigInt(headers + code.length);
  const elf = Buffer.alloc(headers);
  elf.write('7f454c46020101', 'hex');
  elf.writeUInt16LE(2, 16); // executable
  elf.writeUInt16LE(62, 18); // x86-64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(base + BigInt(headers), 24); // entry
  elf.writeBigUInt64LE(64n, 32); // program headers start here
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64); // load
  elf.writeUInt32LE(5, 68); // readable and executable
  elf.writeBigUInt64LE(base, 80);
  elf.writeBigUInt64LE(base, 88);
  elf.writeBigUInt64LE(size, 96);
  elf.writeBigUInt64LE(size, 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, code]);
}

function jsonFile(path: string, value: object): TarEntry {
  return textFile(path, JSON.stringify(value));
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}
