import { type FileHandle, open } from 'node:fs/promises';

/** What a program or library of Linux says of itself to the loader. */
export interface Elf {
  readonly machine: 'amd64' | 'arm64';
  /** Of the loader; undefined in a library. */
  readonly interpreter: string | undefined;
  /** Names of the libraries that have to be loaded with it. */
  readonly needed: readonly string[];
  /** Folders where these are looked for first, with `$ORIGIN` as it is written. */
  readonly runPath: readonly string[];
  /** Bytes from the start of the file that are ever loaded; what follows is for debuggers. */
  readonly loadedSize: number;
}

const machines: Readonly<Record<number, Elf['machine']>> = { 62: 'amd64', 183: 'arm64' };
const segmentTypes = { load: 1, dynamic: 2, interpreter: 3 } as const;
const dynamicTags = { end: 0, needed: 1, strings: 5, runPathBefore: 15, runPath: 29 } as const;

const headerSize = 64;
/** A table or string that is longer is no linker's. */
const maximumTable = 16 * 1024 * 1024;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/**
 * Reads a file of 64 bits, little-endian, as System V's gABI lays it out, chapters 4 and 5.
 * @throws {Error} when it is none, or for a machine that Berth does not run on
 */
export async function readElf(path: string): Promise<Elf> {
  const file = await open(path);
  try {
    return await read(file, path);
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, path: string): Promise<Elf> {
  const header = await bytesAt(file, 0, headerSize, path);
  if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') {
    throw new Error(`${path} is no program or library of 64-bit Linux.`);
  }
  const machine = machines[header.readUInt16LE(18)];
  if (machine === undefined) throw new Error(`${path} is neither for amd64 nor for arm64.`);
  const segments = await segmentsOf(file, header, path);
  const interpreter = segments.find(({ type }) => type === segmentTypes.interpreter);
  const dynamic = segments.find(({ type }) => type === segmentTypes.dynamic);
  return {
    machine,
    interpreter:
      interpreter && textAt(await bytesAt(file, interpreter.offset, interpreter.size, path), 0),
    ...(dynamic === undefined
      ? { needed: [], runPath: [] }
      : await dynamicOf(file, dynamic, segments, path)),
    loadedSize: Math.max(
      ...segments.map(({ type, offset, size }) => (type === segmentTypes.load ? offset + size : 0)),
    ),
  };
}

async function segmentsOf(file: FileHandle, header: Buffer, path: string): Promise<Segment[]> {
  const size = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  const table = await bytesAt(file, Number(header.readBigUInt64LE(32)), size * count, path);
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: Number(table.readBigUInt64LE(at + 16)),
      size: Number(table.readBigUInt64LE(at + 32)),
    };
  });
}

async function dynamicOf(
  file: FileHandle,
  dynamic: Segment,
  segments: readonly Segment[],
  path: string,
): Promise<Pick<Elf, 'needed' | 'runPath'>> {
  const table = await bytesAt(file, dynamic.offset, dynamic.size, path);
  const entries: { tag: number; value: number }[] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = Number(table.readBigInt64LE(at));
    if (tag === dynamicTags.end) break;
    entries.push({ tag, value: Number(table.readBigUInt64LE(at + 8)) });
  }
  const address = entries.find(({ tag }) => tag === dynamicTags.strings)?.value;
  if (address === undefined) return { needed: [], runPath: [] };
  const holder = segments.find(
    ({ type, address: start, size }) =>
      type === segmentTypes.load && start <= address && address < start + size,
  );
  if (holder === undefined) throw new Error(`${path} is damaged: its strings are not loaded.`);
  const offset = holder.offset + address - holder.address;
  const length = Math.min(holder.offset + holder.size - offset, maximumTable);
  const strings = await bytesAt(file, offset, length, path);
  const textsOf = (...wanted: number[]) =>
    entries.flatMap(({ tag, value }) => (wanted.includes(tag) ? [textAt(strings, value)] : []));
  const runPaths = textsOf(dynamicTags.runPath);
  return {
    needed: textsOf(dynamicTags.needed),
    // The older tag counts only where the newer one is absent.
    runPath: (runPaths.length > 0 ? runPaths : textsOf(dynamicTags.runPathBefore)).flatMap((text) =>
      text.split(':'),
    ),
  };
}

async function bytesAt(
  file: FileHandle,
  offset: number,
  length: number,
  path: string,
): Promise<Buffer> {
  if (length > maximumTable) throw new Error(`${path} is damaged: one of its tables is too long.`);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  if (bytesRead < length) throw new Error(`${path} is damaged: it ends too early.`);
  return buffer;
}

function textAt(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, end < 0 ? bytes.length : end);
}
