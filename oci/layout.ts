import { Parser, type ReadEntry } from 'tar';
import type { Content } from './content.ts';
import { type Descriptor, descriptorToJson } from './descriptor.ts';
import { algorithmOf, type Digest, digestOf, hexOf, isDigest } from './digest.ts';
import { OciError } from './errors.ts';
import { parseJsonObject } from './json.ts';
import { parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { type TarEntry, writeTar } from './tar.ts';

/** Image specification, "OCI Image Layout". */
export interface ImageLayout<BlobContent extends Content = Content> {
  /** Those of `index.json`. */
  readonly manifests: readonly Descriptor[];
  /** Manifests among them. */
  readonly blobs: ReadonlyMap<Digest, BlobContent>;
}

const version = '1.0.0';

/** A layout as a tar, the same bytes for the same layout. */
export function writeLayout(layout: ImageLayout): AsyncGenerator<Uint8Array> {
  return writeTar(layoutEntries(layout));
}

/** The files of a layout, for a tar. */
export function* layoutEntries({ manifests, blobs }: ImageLayout): Generator<TarEntry> {
  yield jsonFile('oci-layout', { imageLayoutVersion: version });
  yield jsonFile('index.json', {
    schemaVersion: 2,
    mediaType: mediaTypes.oci.index,
    manifests: manifests.map(descriptorToJson),
  });
  const digests = [...blobs].sort(([one], [other]) => (one < other ? -1 : 1));
  const algorithms = new Set(digests.map(([digest]) => algorithmOf(digest)));
  yield { type: 'directory', path: 'blobs' };
  for (const algorithm of algorithms) yield { type: 'directory', path: `blobs/${algorithm}` };
  for (const [digest, content] of digests) {
    yield { type: 'file', path: `blobs/${algorithmOf(digest)}/${hexOf(digest)}`, content };
  }
}

function jsonFile(path: string, value: object): TarEntry {
  return { type: 'file', path, content: Buffer.from(JSON.stringify(value)) };
}

const maximumEntries = 100_000;
const maximumMetadataBytes = 4 * 1024 * 1024;

/**
 * Reads a tar, compressed by gzip or not, into memory: at most `maximumBytes` of files. Every blob
 * is checked against its name; files that a layout does not know are passed over.
 * @throws {OciError} MANIFEST_INVALID, DIGEST_INVALID or SIZE_INVALID
 */
export async function readLayout(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maximumBytes: number,
): Promise<ImageLayout<Uint8Array>> {
  const files = await readFiles(source, maximumBytes);
  const { imageLayoutVersion } = parseJsonObject(
    requireFile(files, 'oci-layout'),
    'The file oci-layout',
    'MANIFEST_INVALID',
    { maximumBytes: maximumMetadataBytes, maximumDepth: 32 },
  );
  if (imageLayoutVersion !== version) {
    throw new OciError('MANIFEST_INVALID', `The image layout is not of the version ${version}.`);
  }
  const index = parseManifest(requireFile(files, 'index.json'), mediaTypes.oci.index);
  const blobs = new Map<Digest, Uint8Array>();
  for (const [path, bytes] of files) {
    const digest = digestOfPath(path);
    if (digest === undefined) continue;
    if (digestOf(algorithmOf(digest), bytes) !== digest) {
      throw new OciError('DIGEST_INVALID', `The file ${path} of the image layout is damaged.`);
    }
    blobs.set(digest, bytes);
  }
  for (const { digest, size } of index.children) {
    if (blobs.get(digest)?.length === size) continue;
    throw new OciError(
      'MANIFEST_INVALID',
      `The image layout lists the manifest ${digest} but does not hold it.`,
    );
  }
  return { manifests: index.children, blobs };
}

function requireFile(files: ReadonlyMap<string, Uint8Array>, path: string): Uint8Array {
  const bytes = files.get(path);
  if (bytes !== undefined) return bytes;
  throw new OciError('MANIFEST_INVALID', `This is no image layout: it has no file ${path}.`);
}

function digestOfPath(path: string): Digest | undefined {
  const [folder, algorithm, hex, ...rest] = path.split('/');
  const digest = `${algorithm}:${hex}`;
  return folder === 'blobs' && rest.length === 0 && isDigest(digest) ? digest : undefined;
}

function belongsToLayout(path: string): boolean {
  return path === 'oci-layout' || path === 'index.json' || digestOfPath(path) !== undefined;
}

async function readFiles(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maximumBytes: number,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  let failure: OciError | undefined;
  let entries = 0;
  let size = 0;

  function refuse(message: string): void {
    failure ??= new OciError('SIZE_INVALID', message);
  }

  function readEntry(entry: ReadEntry): void {
    const path = entry.path.replace(/^\.\//, '');
    if (++entries > maximumEntries)
      refuse(`The image layout has more than ${maximumEntries} files.`);
    const wanted = entry.type === 'File' && belongsToLayout(path) && failure === undefined;
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maximumBytes) refuse(`The image layout has more than ${maximumBytes} bytes.`);
      if (wanted && failure === undefined) chunks.push(chunk);
    });
    entry.on('end', () => {
      if (wanted && failure === undefined) files.set(path, Buffer.concat(chunks));
    });
  }

  const parser = new Parser({ strict: true, onReadEntry: readEntry });
  const ended = new Promise<void>((resolve) => parser.on('end', () => resolve()));
  parser.on('error', (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    failure ??= new OciError('MANIFEST_INVALID', `This is no tar that can be read: ${message}.`);
  });
  for await (const chunk of source) {
    parser.write(Buffer.from(chunk));
    if (failure !== undefined) throw failure;
  }
  parser.end();
  if (failure === undefined) await ended;
  if (failure !== undefined) throw failure;
  return files;
}
