import { mediaTypes } from '#oci/media-types.ts';
import {
  type Content,
  type DescriptorFields,
  descriptorOf,
  imageOf,
  indexOf,
} from '#server/features/registry/testing/content.suite.ts';
import type { Random } from '#test/random.ts';
import { blobNumbered } from './contents.ts';
import { type Sender, type UploadWay, uploadBlob } from './sending.ts';
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

const tagNames = ['latest', 'stable', ...Array.from({ length: 10 }, (_, index) => `v${index}`)];
const mostManifests = 40;
const ways: readonly UploadWay[] = ['post', 'put', 'chunks'];

const kinds = [
  ...Array.from({ length: 6 }, () => 'blob' as const),
  ...Array.from({ length: 5 }, () => 'image' as const),
  ...Array.from({ length: 3 }, () => 'move' as const),
  ...(['mount', 'mount', 'index', 'referrer', 'abandon', 'cancel'] as const),
  ...(['delete tag', 'delete tag', 'delete manifest', 'delete blob'] as const),
];
type Kind = (typeof kinds)[number];

/** The repositories of a client, which nobody else pushes to. */
export function repositoriesOf(client: number): readonly [string, string] {
  return [`crash/client-${client}/a`, `crash/client-${client}/b`];
}

/** The next thing that a client does, as the random numbers and what it holds say. */
export function planOperation(
  planner: Planner,
  random: Random,
  client: number,
  state: State,
): Operation {
  const repositories = repositoriesOf(client);
  const here = random.integer(2);
  const repository = repositories[here] ?? '';
  const other = repositories[1 - here] ?? '';
  const held = holdings(state, repository);
  const drawn = random.pick(kinds) ?? 'blob';
  const kind: Kind = held.manifests.length > mostManifests ? 'delete manifest' : drawn;
  const planned = {
    blob: () => undefined,
    image: () => image(planner, random, repository, held),
    move: () => move(planner, random, repository, held),
    mount: () => mount(random, repository, held, other, holdings(state, other)),
    index: () => index(planner, random, repository, held),
    referrer: () => referrer(planner, random, repository, held),
    abandon: () => abandon(planner, random, repository, false),
    cancel: () => abandon(planner, random, repository, true),
    'delete tag': () => deleteTag(random, repository, held),
    'delete manifest': () => deleteManifest(planner, random, repository, held),
    'delete blob': () => deleteBlob(planner, random, repository, held),
  }[kind]();
  return planned ?? pushBlob(planner, random, repository);
}

interface Holdings {
  readonly blobs: readonly DescriptorFields[];
  readonly manifests: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
}

function holdings(state: State, repository: string): Holdings {
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

function pushBlob({ seed, blobs }: Planner, random: Random, repository: string): Operation {
  const blob = blobNumbered(seed, random.pick(blobs) ?? 0);
  const way = random.pick(ways) ?? 'post';
  const cut = random.integer(blob.size + 1);
  return {
    name: `push blob ${blob.digest} to ${repository} by ${way}`,
    changes: new Map([[`blob ${repository} ${blob.digest}`, String(blob.size)]]),
    send: (sender) => uploadBlob(sender, repository, blob, way, cut),
  };
}

function abandon(
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

function mount(
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

function image(
  planner: Planner,
  random: Random,
  repository: string,
  { blobs }: Holdings,
): Operation | undefined {
  const config = random.pick(blobs);
  if (config === undefined) return undefined;
  const layers = Array.from({ length: 1 + random.integer(3) }, () => random.pick(blobs) ?? config);
  const content = imageOf(config, layers, {
    annotations: { number: String(random.integer(1000)) },
  });
  return putManifest(planner, random, repository, {
    content,
    blobs: [config, ...layers].map(({ digest }) => digest),
    children: [],
    subject: undefined,
  });
}

function referrer(
  planner: Planner,
  random: Random,
  repository: string,
  { blobs, manifests }: Holdings,
): Operation | undefined {
  const subject = random.pick(manifests);
  const config = random.pick(blobs);
  if (subject === undefined || config === undefined) return undefined;
  const described = planner.manifests.get(subject)?.content;
  if (described === undefined) return undefined;
  const content = imageOf(config, [config], {
    artifactType: 'application/vnd.example.signature',
    subject: descriptorOf(described),
  });
  return putManifest(planner, random, repository, {
    content,
    blobs: [config.digest],
    children: [],
    subject,
  });
}

function index(
  planner: Planner,
  random: Random,
  repository: string,
  { manifests }: Holdings,
): Operation | undefined {
  const children = Array.from({ length: 1 + random.integer(3) }, () => random.pick(manifests))
    .flatMap((digest) => (digest === undefined ? [] : [planner.manifests.get(digest)?.content]))
    .filter((content) => content !== undefined);
  if (children.length === 0) return undefined;
  return putManifest(planner, random, repository, {
    content: indexOf(children),
    blobs: [],
    children: children.map(({ digest }) => digest),
    subject: undefined,
  });
}

function putManifest(
  planner: Planner,
  random: Random,
  repository: string,
  manifest: OfferedManifest,
): Operation {
  const { content } = manifest;
  planner.manifests.set(content.digest, manifest);
  const tags = Array.from({ length: random.integer(3) }, () => random.pick(tagNames) ?? '');
  const [first] = tags;
  const byTag = tags.length === 1 && first !== undefined;
  const query = tags.map((tag) => `tag=${tag}`).join('&');
  return put(repository, content, byTag ? first : `${content.digest}?${query}`, tags);
}

function move(
  planner: Planner,
  random: Random,
  repository: string,
  { manifests }: Holdings,
): Operation | undefined {
  const content = planner.manifests.get(random.pick(manifests) ?? '')?.content;
  const tag = random.pick(tagNames);
  if (content === undefined || tag === undefined) return undefined;
  return put(repository, content, tag, [tag]);
}

function put(
  repository: string,
  content: Content,
  reference: string,
  tags: readonly string[],
): Operation {
  return {
    name: `put manifest ${content.digest} to ${repository} as ${reference}`,
    changes: new Map([
      [`manifest ${repository} ${content.digest}`, String(content.size)],
      ...tags.map((tag) => [`tag ${repository} ${tag}`, content.digest] as const),
    ]),
    async send(sender) {
      await sender.expect(
        201,
        'PUT',
        `/v2/${repository}/manifests/${reference}`,
        content.bytes,
        content.mediaType,
      );
    },
  };
}

function deleteTag(random: Random, repository: string, { tags }: Holdings): Operation | undefined {
  const tag = random.pick([...tags.keys()]);
  if (tag === undefined) return undefined;
  return {
    name: `delete tag ${tag} of ${repository}`,
    changes: new Map([[`tag ${repository} ${tag}`, undefined]]),
    async send(sender) {
      await sender.expect(202, 'DELETE', `/v2/${repository}/manifests/${tag}`);
    },
  };
}

/** Any but the children of an index, which would no longer be pulled whole. */
function deleteManifest(
  planner: Planner,
  random: Random,
  repository: string,
  { manifests, tags }: Holdings,
): Operation | undefined {
  const children = new Set(
    manifests.flatMap((digest) => planner.manifests.get(digest)?.children ?? []),
  );
  const digest = random.pick(manifests.filter((candidate) => !children.has(candidate)));
  if (digest === undefined) return undefined;
  const pointing = [...tags].filter(([, target]) => target === digest);
  return {
    name: `delete manifest ${digest} of ${repository}`,
    changes: new Map([
      [`manifest ${repository} ${digest}`, undefined],
      ...pointing.map(([tag]) => [`tag ${repository} ${tag}`, undefined] as const),
    ]),
    async send(sender) {
      await sender.expect(202, 'DELETE', `/v2/${repository}/manifests/${digest}`);
    },
  };
}

function deleteBlob(
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
