import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';

/** A layer that is stored already, and needs not be made again. */
export interface StoredLayer {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

/** What a building process is told, as JSON in its first argument. */
export interface BuildOrder {
  /** Paths. */
  readonly node: string;
  readonly program: string;
  /** A folder with layers of Node.js for other platforms, which packages of Berth bring along. */
  readonly runtimes: string;
  readonly version: string;
  readonly stored: readonly StoredLayer[];
}

export interface BuiltPart {
  readonly digest: Digest;
  readonly size: number;
  /** Of a manifest; absent for a blob. */
  readonly mediaType?: string;
}

/**
 * What a building process writes first, as a line of JSON; the bytes of the parts follow, in this
 * order, which is the one to push them in. The last part is the index that names all images.
 */
export interface BuildAnswer {
  readonly parts: readonly BuiltPart[];
}
