import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { systemErrorCode } from '#lib/errors.ts';
import { type ArchiveLimits, archiveLimits } from './archive-limits.ts';
import { placeOf } from './archive-paths.ts';
import { shown, UnreadableChart } from './errors.ts';

export interface ArchiveContent {
  /** By path below the chart's folder, without a byte order mark. */
  readonly files: ReadonlyMap<string, string>;
  /** Sentences on what was left out. */
  readonly notes: readonly string[];
}

const maximumNotes = 5;

/**
 * Reads the files of a packaged chart that people want to see. Nothing is written anywhere, and no
 * more than the limits is ever unpacked.
 * @throws {UnreadableChart} for what the bytes are to blame for; errors of `source` pass as they are
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits = archiveLimits,
): Promise<ArchiveContent> {
  const collector = createCollector(limits);
  const gunzip = createGunzip();
  const filling = pipeline(limited(source, limits.compressedBytes), gunzip);
  // The loop below meets the same failure.
  filling.catch(() => {});
  let unpacked = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      if (unpacked > limits.unpackedBytes) {
        throw new UnreadableChart(
          `The chart archive unpacks to more than ${limits.unpackedBytes} bytes, which is not read.`,
        );
      }
      collector.write(chunk);
    }
    return collector.end();
  } catch (error) {
    if (systemErrorCode(error)?.startsWith('Z_')) {
      throw new UnreadableChart('The chart archive is no whole gzip stream: package it again.', {
        cause: error,
      });
    }
    throw error;
  } finally {
    gunzip.destroy();
  }
}

async function* limited(source: AsyncIterable<Uint8Array>, most: number) {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > most) {
      throw new UnreadableChart(
        `The chart archive has more than ${most} bytes, which is not read.`,
      );
    }
    yield chunk;
  }
}

/** Takes a tar archive in pieces. */
function createCollector(limits: ArchiveLimits) {
  const files = new Map<string, string>();
  const notes = new Map<string, { first: string; count: number }>();
  let entries = 0;
  let kept = 0;
  let failure: UnreadableChart | undefined;
  let beginning: Buffer | undefined = Buffer.alloc(0);

  const parser = new Parser({
    filter: (path, entry) => keep(path, entry as ReadEntry),
    onReadEntry: collect,
    onwarn: (_code, message) => {
      failure ??= damaged(message);
    },
  });
  parser.on('error', (error) => {
    failure ??= damaged(error);
  });

  function ignore(path: string, reason: string): false {
    const note = notes.get(reason);
    if (note === undefined) notes.set(reason, { first: path, count: 1 });
    else note.count += 1;
    return false;
  }

  function keep(entryPath: string, { type, size }: ReadEntry): boolean {
    entries += 1;
    if (entries > limits.entries) {
      failure ??= new UnreadableChart(
        `The chart archive has more than ${limits.entries} entries, which is not read.`,
      );
      return false;
    }
    if (type === 'Directory' || type === 'GNUDumpDir') return false;
    if (type !== 'File' && type !== 'OldFile' && type !== 'ContiguousFile') {
      return ignore(entryPath, `it is no file but a ${describeType(type)}`);
    }
    const place = placeOf(entryPath);
    if (place.kind === 'passed') return false;
    if (place.kind === 'ignored') return ignore(entryPath, place.reason);
    if (size > limits.fileBytes) {
      return ignore(entryPath, `it is larger than ${limits.fileBytes} bytes`);
    }
    if (kept + size > limits.keptBytes) {
      return ignore(entryPath, `the files before it have ${limits.keptBytes} bytes already`);
    }
    kept += size;
    return true;
  }

  function collect(entry: ReadEntry): void {
    const place = placeOf(entry.path);
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    entry.on('end', () => {
      if (place.kind === 'kept') files.set(place.path, textOf(Buffer.concat(chunks)));
    });
  }

  function feed(chunk: Buffer): void {
    try {
      parser.write(chunk);
    } catch (error) {
      throw failure ?? damaged(error);
    }
    if (failure !== undefined) throw failure;
  }

  return {
    write(chunk: Buffer): void {
      if (beginning === undefined) {
        feed(chunk);
        return;
      }
      beginning = Buffer.concat([beginning, chunk]);
      if (beginning.length < 512) return;
      // The parser would unpack what is compressed a second time, past every limit here.
      if (!isTarHeader(beginning)) throw noTar();
      feed(beginning);
      beginning = undefined;
    },

    end(): ArchiveContent {
      if (beginning !== undefined) throw noTar();
      parser.end();
      if (failure !== undefined) throw failure;
      return { files, notes: describeNotes(notes) };
    },
  };
}

function damaged(reason: unknown): UnreadableChart {
  const text = reason instanceof Error ? reason.message : String(reason);
  return new UnreadableChart(
    `The chart archive is damaged (${text.slice(0, 200)}): package it again.`,
    { cause: reason },
  );
}

function noTar(): UnreadableChart {
  return new UnreadableChart('The chart archive holds no tar archive: package it again.');
}

/** gzip and zstd are what the parser of tar archives looks for. */
function isTarHeader(bytes: Buffer): boolean {
  return bytes.readUInt16BE(0) !== 0x1f8b && bytes.readUInt32BE(0) !== 0x28b52ffd;
}

function describeType(type: string): string {
  return type === 'SymbolicLink' || type === 'Link' ? 'link' : 'special entry';
}

function describeNotes(notes: ReadonlyMap<string, { first: string; count: number }>): string[] {
  return [...notes].slice(0, maximumNotes).map(([reason, { first, count }]) => {
    const more = count === 1 ? '' : `, and ${count - 1} more like it`;
    return `The entry ${shown(first)} was ignored: ${reason}${more}.`;
  });
}

const decoder = new TextDecoder();

/** No database text holds a NUL. */
function textOf(bytes: Buffer): string {
  return decoder.decode(bytes).replaceAll('\0', '\ufffd');
}
