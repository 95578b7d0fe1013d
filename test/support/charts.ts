import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

/** One entry of an archive, as it stands there: nothing about it has to make sense. */
export interface ArchiveEntry {
  readonly path: string;
  readonly content?: string | Uint8Array;
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link';
  readonly linkpath?: string;
}

/** A tar archive, not compressed. */
export function tarOf(entries: readonly ArchiveEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), Buffer.alloc(1024)]);
}

export function archiveOf(entries: readonly ArchiveEntry[]): Buffer {
  return gzipSync(tarOf(entries));
}

function entryBlocks({ path, content = '', type = 'File', linkpath }: ArchiveEntry): Buffer[] {
  const body = Buffer.from(content);
  if (Buffer.byteLength(path) > 100) {
    const longPath = Buffer.from(`${path}\0`);
    return [
      headerBlock({ path: '././@LongLink', size: longPath.length, type: 'NextFileHasLongPath' }),
      padded(longPath),
      ...entryBlocks({ path: path.slice(-90), content: body, type, ...(linkpath && { linkpath }) }),
    ];
  }
  const header = headerBlock({ path, size: body.length, type, ...(linkpath && { linkpath }) });
  return [header, padded(body)];
}

function headerBlock(fields: {
  path: string;
  size: number;
  type: NonNullable<ArchiveEntry['type']> | 'NextFileHasLongPath';
  linkpath?: string;
}): Buffer {
  const block = Buffer.alloc(512);
  new Header({ ...fields, mode: 0o644, mtime: new Date(0) }).encode(block, 0);
  return block;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export interface ChartOptions {
  readonly name?: string;
  readonly version?: string;
  /** The whole of Chart.yaml, instead of one made of the name and the version. */
  readonly chartYaml?: string;
  /** By path below the chart's folder, such as `templates/service.yaml`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Entries as they stand, after all others. */
  readonly entries?: readonly ArchiveEntry[];
}

/** A chart as `helm package` makes it. */
export function chartArchive(options: ChartOptions = {}): Buffer {
  const { name = 'nginx', version = '0.1.0', files = {}, entries = [] } = options;
  const chartYaml = options.chartYaml ?? chartYamlOf(name, version);
  return archiveOf([
    { path: `${name}/Chart.yaml`, content: chartYaml },
    ...Object.entries(files).map(([path, content]) => ({ path: `${name}/${path}`, content })),
    ...entries,
  ]);
}

export function chartYamlOf(name: string, version: string): string {
  return [
    'apiVersion: v2',
    `name: ${name}`,
    `description: The chart ${name}`,
    'type: application',
    `version: ${version}`,
    'appVersion: "1.27.1"',
    '',
  ].join('\n');
}
