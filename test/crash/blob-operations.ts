import type { Random } from '#test/random.ts';
import { blobNumbered } from './contents.ts';
import type { Holdings, Operation, Planner } from './operation.ts';
import { type UploadWay, uploadBlob } from './sending.ts';

const ways: readonly UploadWay[] = ['post', 'put', 'chunks'];

export function pushBlob({ seed, blobs }: Planner, random: Random, repository: string): Operation {
  const blob = blobNumbered(seed, random.pick(blobs) ?? 0);
  const way = random.pick(ways) ?? 'post';
  const cut = random.integer(blob.size + 1);
  return {
    name: `push blob ${blob.digest} to ${repository} by ${way}`,
    changes: new Map([[`blob ${repository} ${blob.digest}`, String(blob.size)]]),
    send: (sender) => uploadBlob(sender, repository, blob, way, cut),
  };
}

export function abandon(
  { seed, blobs }: Planner,
  random: Random,
  repository: string,
  cancelled: boolean,
): Operation {
  const blob = blobNumbered(seed, random.pick(blobs) ?? 0);
  return {
    name: `begin an upload to ${repository} and ${cancelled ? 'cancel' : 'leave'} it`,
    changes: new Map(),
    async send(sender) {
      const begun = await sender.expect(202, 'POST', `/v2/${repository}/blobs/uploads/`);
      const location = begun.headers.location ?? '';
      await sender.expect(202, 'PATCH', location, blob.bytes);
      if (cancelled) await sender.expect(204, 'DELETE', location);
    },
  };
}

export function mount(
  random: Random,
  repository: string,
  held: Holdings,
  other: string,
  elsewhere: Holdings,
): Operation | undefined {
  const present = new Set(held.blobs.map(({ digest }) => digest));
  const blob = random.pick(elsewhere.blobs.filter(({ digest }) => !present.has(digest)));
  if (blob === undefined) return undefined;
  const { digest, size } = blob;
  return {
    name: `mount ${digest} from ${other} to ${repository}`,
    changes: new Map([[`blob ${repository} ${digest}`, String(size)]]),
    async send(sender) {
      const target = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${other}`;
      await sender.expect(201, 'POST', target);
    },
  };
}

export function deleteBlob(
  planner: Planner,
  random: Random,
  repository: string,
  { blobs, manifests }: Holdings,
): Operation | undefined {
  const needed = new Set(manifests.flatMap((digest) => planner.manifests.get(digest)?.blobs ?? []));
  const blob = random.pick(blobs.filter(({ digest }) => !needed.has(digest)));
  if (blob === undefined) return undefined;
  const { digest } = blob;
  return {
    name: `delete blob ${digest} of ${repository}`,
    changes: new Map([[`blob ${repository} ${digest}`, undefined]]),
    async send(sender) {
      await sender.expect(202, 'DELETE', `/v2/${repository}/blobs/${digest}`);
    },
  };
}
