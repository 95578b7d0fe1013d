import { algorithmOf, digestOf, isDigest } from '#oci/digest.ts';
import { blobOf, type Content } from '#server/features/registry/testing/content.suite.ts';
import { randomOf } from '#test/random.ts';

/** What the clients of a seed push: the same number is the same bytes. */
export function blobNumbered(seed: string, number: number): Content {
  const random = randomOf(`${seed} blob ${number}`);
  const sizes = [0, 3_000, 3_000, 3_000, 60_000, 60_000, 300_000, 1_500_000];
  const most = sizes[number % sizes.length] ?? 0;
  return blobOf(random.bytes(most === 0 ? number % 3 : 1 + random.integer(most)));
}

/** Whether bytes are what their digest says. */
export function matchesDigest(digest: string, bytes: Uint8Array): boolean {
  return isDigest(digest) && digestOf(algorithmOf(digest), bytes) === digest;
}
