import { mediaTypes } from '#oci/media-types.ts';
import type { Content, DescriptorFields } from '#server/features/registry/testing/content.suite.ts';
import type { Sender } from './sending.ts';
import type { Changes, State } from './state.ts';

/** One thing that a client does: all of it, or nothing, is there after a crash. */
export interface Operation {
  readonly name: string;
  readonly changes: Changes;
  /** Resolves once the server has acknowledged it. */
  send(sender: Sender): Promise<void>;
}

/** A manifest that was ever offered to the server. */
export interface OfferedManifest {
  readonly content: Content;
  readonly blobs: readonly string[];
  readonly children: readonly string[];
  readonly subject: string | undefined;
}

export interface Planner {
  readonly seed: string;
  /** The numbers of those that are pushed. Few enough that several clients push the same at once. */
  readonly blobs: readonly number[];
  /** By digest. */
  readonly manifests: Map<string, OfferedManifest>;
}

/** What is in a repository. */
export interface Holdings {
  readonly blobs: readonly DescriptorFields[];
  readonly manifests: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
}

export function holdings(state: State, repository: string): Holdings {
  const blobs: DescriptorFields[] = [];
  const manifests: string[] = [];
  const tags = new Map<string, string>();
  for (const [key, value] of state) {
    const [kind, name, rest = ''] = key.split(' ');
    if (name !== repository) continue;
    if (kind === 'blob') {
      blobs.push({ mediaType: mediaTypes.oci.layerGzip, digest: rest, size: Number(value) });
    }
    if (kind === 'manifest') manifests.push(rest);
    if (kind === 'tag') tags.set(rest, value);
  }
  return { blobs, manifests, tags };
}
