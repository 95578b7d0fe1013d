import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import { algorithmOf, type Digest, digestOf } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { parseManifest } from '#oci/manifest.ts';
import type { ManifestReference } from '#oci/reference.ts';
import type { Database } from '#server/database/database.ts';
import { edgesOf, requiredBlobsOf } from './edges.ts';
import type { Grace } from './grace.ts';
import { bodyOf, type ManifestBody, type ManifestCache } from './manifest-cache.ts';
import type { ManifestRow, RegistryQueries } from './queries.ts';
import { deleteManifest, deleteTag } from './writes/deletions.ts';
import { renewManifestLease } from './writes/manifest-leases.ts';
import { putManifest } from './writes/manifests.ts';
import type { Pusher } from './writes/repositories.ts';

export interface PushedManifest {
  readonly digest: Digest;
  readonly subject: Digest | undefined;
}

export interface ManifestPush {
  readonly repository: string;
  readonly reference: ManifestReference;
  /** Further tags for the same manifest. */
  readonly tags: readonly string[];
  readonly contentType: string | undefined;
  readonly bytes: Uint8Array;
  readonly pusher: Pusher;
  readonly by: string;
}

export interface Manifests {
  /** At once where the database answers so. @throws {OciError} MANIFEST_UNKNOWN, NAME_UNKNOWN */
  find(repository: string, reference: ManifestReference): MaybePromise<ManifestRow>;
  /** At once where they are in memory. @throws {OciError} MANIFEST_UNKNOWN */
  body(row: ManifestRow): MaybePromise<ManifestBody>;
  /**
   * Keeps a manifest that a pusher is told exists from being collected until what names it arrives.
   * @throws {OciError} MANIFEST_UNKNOWN when it is gone by now
   */
  promise(row: ManifestRow): Promise<void>;
  /** @throws {OciError} MANIFEST_INVALID, DIGEST_INVALID, MANIFEST_BLOB_UNKNOWN */
  push(push: ManifestPush): Promise<PushedManifest>;
  /** A digest takes the manifest and its tags, a tag only itself. @throws {OciError} */
  delete(repository: string, reference: ManifestReference, by: string): Promise<void>;
}

export function createManifests(options: {
  database: Database;
  queries: RegistryQueries;
  cache: ManifestCache;
  grace: Grace;
  now: () => number;
}): Manifests {
  const { database, queries, cache, grace, now } = options;

  return {
    find(repository, reference) {
      const row =
        reference.kind === 'tag'
          ? queries.manifestByTag(repository, reference.tag)
          : queries.manifestByDigest(repository, reference.digest);
      return chain(row, (found) => found ?? unknown(repository, reference));
    },

    body: (row) => cache.get(row.id) ?? load(row),

    async promise({ id, digest }) {
      const held = await queries.manifestHeldSince(id);
      const fresh = held && Math.max(held.createdAt, held.leasedAt ?? 0);
      if (fresh !== undefined && now() - fresh < grace.freshMilliseconds) return;
      if (await database.write(renewManifestLease, { id, now: now() })) return;
      throw justDeleted(digest);
    },

    async push({ repository, reference, tags, contentType, bytes, pusher, by }) {
      const manifest = parseManifest(bytes, contentType);
      const digest = digestOf(
        reference.kind === 'digest' ? algorithmOf(reference.digest) : 'sha256',
        bytes,
      );
      if (reference.kind === 'digest' && reference.digest !== digest) {
        throw new OciError(
          'DIGEST_INVALID',
          `The manifest's bytes have the digest ${digest}, not ${reference.digest} as its URL says.`,
        );
      }
      await database.write(putManifest, {
        repository,
        pusher,
        digest,
        mediaType: manifest.mediaType,
        artifactType: manifest.artifactType ?? null,
        subjectDigest: manifest.subject?.digest ?? null,
        annotations: JSON.stringify(manifest.annotations),
        bytes,
        edges: edgesOf(manifest),
        requiredBlobs: requiredBlobsOf(manifest),
        tags: reference.kind === 'tag' ? [reference.tag, ...tags] : tags,
        by,
        now: now(),
      });
      return { digest, subject: manifest.subject?.digest };
    },

    async delete(repository, reference, by) {
      const deleted =
        reference.kind === 'tag'
          ? await database.write(deleteTag, { repository, tag: reference.tag, by, now: now() })
          : await database.write(deleteManifest, {
              repository,
              digest: reference.digest,
              linkedBefore: now() - grace.milliseconds,
              by,
              now: now(),
            });
      if (!deleted) await unknown(repository, reference);
    },
  };

  async function load({ id, digest }: ManifestRow): Promise<ManifestBody> {
    const row = await queries.manifestBytes(id);
    if (row === undefined) throw justDeleted(digest);
    const body = bodyOf(row.bytes);
    cache.set(id, body);
    return body;
  }

  async function unknown(repository: string, reference: ManifestReference): Promise<never> {
    const found = await queries.repository(repository);
    if (found === undefined) {
      throw new OciError(
        'NAME_UNKNOWN',
        `There is no repository ${repository}: check its spelling, or push to it first.`,
      );
    }
    if (reference.kind === 'digest') {
      throw new OciError('MANIFEST_UNKNOWN', `${repository} has no manifest ${reference.digest}.`);
    }
    const neighbours = nearest(
      reference.tag,
      await queries.neighbourTags(found.id, reference.tag, 5),
    );
    throw new OciError(
      'MANIFEST_UNKNOWN',
      `${repository} has no tag ${reference.tag}${
        neighbours.length === 0 ? '.' : `; its nearest tags are ${neighbours.join(', ')}.`
      }`,
    );
  }
}

function justDeleted(digest: string): OciError {
  return new OciError('MANIFEST_UNKNOWN', `${digest} was just deleted.`);
}

/** At most three of `tags`, those that share most of their beginning with `tag` first. */
function nearest(tag: string, tags: readonly string[]): string[] {
  const shared = (other: string) => {
    let length = 0;
    while (length < tag.length && tag[length] === other[length]) length += 1;
    return length;
  };
  return tags.toSorted((one, other) => shared(other) - shared(one)).slice(0, 3);
}
