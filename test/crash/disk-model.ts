import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Moment, openFileOf, stringsOf, succeeded } from '#test/trace.ts';

/**
 * What a power loss leaves of what was not synced.
 * - `nothing`: neither data nor names.
 * - `names`: names, renames and removals; no data.
 * - `data`: data; no names.
 * - `pieces`: names, and every second write.
 */
export const losses = ['nothing', 'names', 'data', 'pieces'] as const;
export type Loss = (typeof losses)[number];

/** A change of a file's content; without bytes, of its size. */
interface Write {
  readonly offset: number;
  readonly bytes?: Buffer;
}

class ModelFile {
  synced: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  pending: Write[] = [];

  sync(count: number): void {
    this.synced = written(this.synced, this.pending.splice(0, count));
  }

  get size(): number {
    return written(this.synced, this.pending).length;
  }
}

class ModelFolder {
  synced = new Map<string, ModelFile | ModelFolder>();
  present = new Map<string, ModelFile | ModelFolder>();
}

function written(content: Buffer<ArrayBufferLike>, writes: readonly Write[]) {
  const endOf = ({ offset, bytes }: Write) => offset + (bytes?.length ?? 0);
  const largest = writes.reduce((most, write) => Math.max(most, endOf(write)), content.length);
  const result = Buffer.alloc(largest);
  content.copy(result);
  let size = content.length;
  for (const write of writes) {
    write.bytes?.copy(result, write.offset);
    if (write.bytes === undefined) result.fill(0, write.offset);
    size = write.bytes === undefined ? write.offset : Math.max(size, endOf(write));
  }
  return result.subarray(0, size);
}

/** A disk that keeps for certain only what was synced, fed with the system calls of a trace. */
export interface DiskModel {
  /** Takes the next moment of the trace; true when the disk is another afterwards. */
  take(moment: Moment): boolean;
  /** Writes down, in an empty folder, what a power loss leaves now. */
  materialize(folder: string, loss: Loss): void;
}

/** @param root an empty folder that is itself on the disk; other files are not followed */
export function createDiskModel(root: string): DiskModel {
  const top = new ModelFolder();
  /** What a sync under way is sure to keep, by thread. */
  const syncing = new Map<string, () => void>();

  function nodeAt(path: string): ModelFile | ModelFolder | undefined {
    if (path === root) return top;
    const parent = nodeAt(dirname(path));
    return parent instanceof ModelFolder ? parent.present.get(basename(path)) : undefined;
  }

  function parentOf(path: string): ModelFolder {
    const parent = nodeAt(dirname(path));
    if (!(parent instanceof ModelFolder)) throw new Error(`${path} has no folder in the model`);
    return parent;
  }

  /** The shared memory of SQLite is written without system calls, and made anew after a crash. */
  const follows = (path: string | undefined): path is string =>
    path?.startsWith(`${root}/`) === true && !path.endsWith('-shm');

  function fileOf(moment: Moment): ModelFile | undefined {
    const path = openFileOf(moment);
    const node = follows(path) ? nodeAt(path) : undefined;
    return node instanceof ModelFile ? node : undefined;
  }

  function open(moment: Moment): boolean {
    const path = String(stringsOf(moment)[0]);
    if (!follows(path) || !moment.text.includes('O_CREAT')) return false;
    const node = nodeAt(path);
    if (node === undefined) parentOf(path).present.set(basename(path), new ModelFile());
    else if (node instanceof ModelFile && moment.text.includes('O_TRUNC')) {
      node.pending.push({ offset: 0 });
    }
    return true;
  }

  function write(moment: Moment): boolean {
    const file = fileOf(moment);
    if (file === undefined) return false;
    if (/"\.\.\./.test(moment.text)) throw new Error('The trace does not hold all of a write');
    const [bytes = Buffer.alloc(0)] = stringsOf(moment);
    const offset = /, (\d+)\) += \d+$/.exec(moment.text)?.[1];
    const at = moment.call === 'write' ? file.size : Number(offset);
    file.pending.push({ offset: at, bytes });
    return true;
  }

  function move(moment: Moment): boolean {
    const [from = '', to = ''] = stringsOf(moment).map(String);
    const node = follows(from) ? nodeAt(from) : undefined;
    if (node === undefined) return false;
    parentOf(to).present.set(basename(to), node);
    if (!moment.call.startsWith('link')) parentOf(from).present.delete(basename(from));
    return true;
  }

  function remove(moment: Moment): boolean {
    const path = String(stringsOf(moment)[0]);
    return follows(path) && parentOf(path).present.delete(basename(path));
  }

  function beginSync(moment: Moment): void {
    const path = openFileOf(moment);
    const node = path === root || follows(path) ? nodeAt(path ?? '') : undefined;
    if (node instanceof ModelFile) {
      const count = node.pending.length;
      syncing.set(moment.thread, () => node.sync(count));
    } else if (node instanceof ModelFolder) {
      const present = new Map(node.present);
      syncing.set(moment.thread, () => {
        node.synced = present;
      });
    }
  }

  function endSync({ thread }: Moment): boolean {
    const keep = syncing.get(thread);
    syncing.delete(thread);
    keep?.();
    return keep !== undefined;
  }

  return {
    take(moment) {
      const { call, phase } = moment;
      const syncs = call === 'fsync' || call === 'fdatasync';
      if (phase === 'start') {
        if (syncs) beginSync(moment);
        return false;
      }
      if (!succeeded(moment)) return false;
      if (syncs) return endSync(moment);
      if (call.startsWith('open')) return open(moment);
      if (call.startsWith('mkdir')) {
        const path = String(stringsOf(moment)[0]);
        if (!follows(path)) return false;
        parentOf(path).present.set(basename(path), new ModelFolder());
        return true;
      }
      if (call === 'write' || call === 'pwrite64') return write(moment);
      if (call === 'ftruncate') {
        const file = fileOf(moment);
        const size = Number(/, (\d+)\)/.exec(moment.text)?.[1]);
        file?.pending.push({ offset: size });
        return file !== undefined;
      }
      if (call.startsWith('rename') || call.startsWith('link')) return move(moment);
      return call.startsWith('unlink') ? remove(moment) : false;
    },

    materialize(folder, loss) {
      writeFolder(top, folder, loss);
    },
  };
}

function writeFolder(node: ModelFolder, folder: string, loss: Loss): void {
  const names = loss === 'names' || loss === 'pieces' ? node.present : node.synced;
  // Empty folders are not written: the server makes what it misses.
  if (names.size > 0) mkdirSync(folder, { recursive: true });
  for (const [name, child] of names) {
    const path = join(folder, name);
    if (child instanceof ModelFolder) writeFolder(child, path, loss);
    else writeFileSync(path, contentOf(child, loss));
  }
}

function contentOf({ synced, pending }: ModelFile, loss: Loss): Buffer<ArrayBufferLike> {
  if (loss === 'data') return written(synced, pending);
  if (loss === 'pieces')
    return written(
      synced,
      pending.filter((_, index) => index % 2 === 0),
    );
  return synced;
}
