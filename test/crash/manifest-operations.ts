import {
  type Content,
  descriptorOf,
  imageOf,
  indexOf,
} from '#server/features/registry/testing/content.suite.ts';
import type { Random } from '#test/random.ts';
import type { Holdings, OfferedManifest, Operation, Planner } from './operation.ts';

const tagNames = ['latest', 'stable', ...Array.from({ length: 10 }, (_, index) => `v${index}`)];

export function image(
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

export function referrer(
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

export function index(
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

export function move(
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

export function deleteTag(
  random: Random,
  repository: string,
  { tags }: Holdings,
): Operation | undefined {
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
export function deleteManifest(
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
