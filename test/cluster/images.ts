import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { succeed } from '#test/processes.ts';

/** An image as one archive that is both an OCI layout and what `docker load` reads. */
export interface ImageArchive {
  readonly reference: string;
  /** Of the image's manifest. */
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface FileEntry {
  readonly path: string;
  readonly content?: string | Buffer;
  readonly mode?: number;
  /** Makes the entry a symbolic link. */
  readonly linkTo?: string;
}

export interface ImageContent {
  /** With host and tag: `registry.berth.test/ithome/netutils:latest`. */
  readonly reference: string;
  readonly files: readonly FileEntry[];
  readonly command: readonly string[];
  readonly environment?: readonly string[];
}

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** Builds an image of one layer without an engine or a network. */
export function buildImage({
  reference,
  files,
  command,
  environment = [],
}: ImageContent): ImageArchive {
  const layer = tarOf(files);
  const compressed = gzipSync(layer, { level: 1 });
  const config = json({
    architecture,
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Cmd: command, Env: ['PATH=/usr/bin:/bin', ...environment] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '2026-01-01T00:00:00Z', created_by: 'berth test bed' }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip', compressed)],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: {
          'io.containerd.image.name': reference,
          'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
        },
        platform: { architecture, os: 'linux' },
      },
    ],
  });
  const dockerManifest = json([
    { Config: blobPath(config), RepoTags: [reference], Layers: [blobPath(compressed)] },
  ]);
  const bytes = tarOf([
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: index },
    { path: 'manifest.json', content: dockerManifest },
    ...[config, compressed, manifest].map((blob) => ({ path: blobPath(blob), content: blob })),
  ]);
  return { reference, digest: digestOf(manifest), bytes };
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
    .map((applet) => ({ path: `bin/${applet}`, linkTo: 'busybox' }));
  return buildImage({
    reference,
    command,
    files: [
      { path: 'bin/busybox', content: binary, mode: 0o755 },
      ...links,
      { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
      { path: 'etc/group', content: 'root:x:0:\n' },
      { path: 'etc/marker', content: `${marker}\n` },
    ],
  });
}

/** The image of a pod's sandbox: like the usual one it holds one program, and no shell. */
export function sandboxImage(reference: string): ImageArchive {
  return buildImage({
    reference,
    command: ['/pause'],
    files: [{ path: 'pause', content: pauseProgram(), mode: 0o755 }],
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

/** A tar archive with every parent folder named before what lies in it. */
function tarOf(entries: readonly FileEntry[]): Buffer {
  const folders = new Set<string>();
  const parts: Buffer[] = [];
  for (const { path, content = '', mode = 0o644, linkTo } of entries) {
    const missing: string[] = [];
    for (let at = posix.dirname(path); at !== '.' && !folders.has(at); at = posix.dirname(at)) {
      folders.add(at);
      missing.unshift(at);
    }
    for (const folder of missing) {
      parts.push(header({ path: `${folder}/`, type: 'Directory', mode: 0o755, size: 0 }));
    }
    if (linkTo !== undefined) {
      parts.push(header({ path, type: 'SymbolicLink', linkpath: linkTo, mode: 0o777, size: 0 }));
      continue;
    }
    const bytes = Buffer.from(content);
    parts.push(header({ path, type: 'File', mode, size: bytes.length }), bytes);
    parts.push(Buffer.alloc(-bytes.length & 511));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function header(fields: ConstructorParameters<typeof Header>[0]): Buffer {
  const block = Buffer.alloc(512);
  const one = new Header({ uid: 0, gid: 0, mtime: new Date(0), ...fields });
  if (one.encode(block)) throw new Error(`The name ${one.path} does not fit a plain tar header.`);
  return block;
}

function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function blobPath(bytes: Buffer): string {
  return `blobs/${digestOf(bytes).replace(':', '/')}`;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
