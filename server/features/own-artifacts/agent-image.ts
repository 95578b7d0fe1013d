import { buffer } from 'node:stream/consumers';
import { agentRepository } from '#contract/names.ts';
import { ensureReservedProject } from '#features/projects';
import type { Manifests, Uploads } from '#features/registry';
import { Refusal } from '#lib/errors.ts';
import { type Digest, requireDigest } from '#oci/digest.ts';
import { parseManifest } from '#oci/manifest.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { Log } from '#server/telemetry/log.ts';
import type { BuiltPart } from './build-protocol.ts';
import { buildAgentImage } from './builder.ts';
import type { ProvideChart } from './own-charts.ts';
import { blobKey, manifestOfDigest, manifestOfTag, repositoryExists } from './queries.ts';
import { serverPush } from './server-push.ts';
import { storedLayers } from './stored-image.ts';

/** The agent's image of this version, as it lies in the registry. */
export interface AgentImage {
  readonly repository: typeof agentRepository;
  readonly tag: string;
  /** Of its index. */
  readonly digest: Digest;
  /** As Kubernetes names them; nodes of others cannot run the agent. */
  readonly architectures: readonly string[];
}

export interface AgentImages {
  /**
   * Resolves when the image, and the chart that installs it, are in the registry: makes and pushes
   * them where they are not there, or not as this version of Berth makes them, which takes seconds.
   * @throws {Refusal} `unavailable`
   */
  provide(): Promise<AgentImage>;
  /** Sees to it that a registry that has an image of some version has the one of this version. */
  start(): void;
  /** Ends what is under way. */
  stop(): Promise<void>;
}

const latest = 'latest';

export function createAgentImages(options: {
  database: Database;
  store: BlobStore;
  registry: { readonly uploads: Uploads; readonly manifests: Manifests };
  provideChart: ProvideChart;
  version: string;
  log: Pick<Log, 'info' | 'warn'>;
  /** Gives back what building took of this process: tens of megabytes went through it. */
  releaseMemory: () => void;
  now: () => number;
}): AgentImages {
  const { database, store, registry, provideChart, version, log, releaseMemory, now } = options;
  const { read } = database;
  let provided: AgentImage | undefined;
  let providing: Promise<AgentImage> | undefined;
  let renewing: Promise<void> | undefined;
  const stopping = new AbortController();

  function provide(): Promise<AgentImage> {
    providing ??= provideOnce().finally(() => {
      providing = undefined;
    });
    return providing;
  }

  return {
    provide,
    start() {
      renewing ??= renew().catch((error: unknown) => {
        if (!stopping.signal.aborted) log.warn({ err: error }, "the agent's image stays as it was");
      });
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled([renewing, providing]);
    },
  };

  async function renew(): Promise<void> {
    if (await repositoryExists(read, agentRepository)) await provide();
  }

  async function provideOnce(): Promise<AgentImage> {
    // What it is made of does not change while a server runs.
    const tagged = await manifestOfTag(read, agentRepository, version);
    if (provided !== undefined && tagged?.digest === provided.digest) return provided;
    try {
      provided = await build();
      const { agentChart, chartName } = await import('#kubernetes/manifests/chart/chart.ts');
      const archive = await agentChart(version, provided.architectures);
      await provideChart({ name: chartName, version, archive });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Refusal('unavailable', `The image of the agent could not be made. ${reason}`, {
        cause: error,
      });
    }
    return provided;
  }

  async function build(): Promise<AgentImage> {
    const started = now();
    let pushed = 0;
    await database.write(ensureReservedProject, { now: started });
    await buildAgentImage(
      { version, stored: await storedLayers(read, store, latest) },
      async (part, bytes, isLast) => {
        if (await push(part, bytes, isLast)) pushed += part.size;
      },
      stopping.signal,
    );
    const index = await manifestOfTag(read, agentRepository, version);
    if (index === undefined) throw new Error('It was deleted a moment after it was pushed.');
    const { children } = parseManifest(index.bytes, index.mediaType);
    if (pushed > 0) {
      log.info(
        { bytes: pushed, milliseconds: now() - started },
        `the agent's image is in ${agentRepository}:${version}`,
      );
      setImmediate(releaseMemory);
    }
    return {
      repository: agentRepository,
      tag: version,
      digest: requireDigest(index.digest),
      architectures: children.flatMap(({ platform }) => platform?.architecture ?? []),
    };
  }

  /** False where the registry has it. */
  async function push(
    { digest, mediaType }: BuiltPart,
    bytes: AsyncIterable<Uint8Array>,
    isLast: boolean,
  ): Promise<boolean> {
    if (mediaType === undefined) {
      if ((await blobKey(read, agentRepository, digest)) !== undefined) return false;
      const finished = { repository: agentRepository, digest, pusher: serverPush.pusher };
      await registry.uploads.receive({ bytes }, finished);
      return true;
    }
    if (isLast ? await isTagged(digest) : await isThere(digest)) return false;
    await registry.manifests.push({
      repository: agentRepository,
      reference: isLast ? { kind: 'tag', tag: version } : { kind: 'digest', digest },
      tags: isLast ? [latest] : [],
      contentType: mediaType,
      bytes: await buffer(bytes),
      ...serverPush,
    });
    return true;
  }

  async function isThere(digest: Digest): Promise<boolean> {
    return (await manifestOfDigest(read, agentRepository, digest)) !== undefined;
  }

  async function isTagged(digest: Digest): Promise<boolean> {
    const tagged = await Promise.all(
      [version, latest].map((tag) => manifestOfTag(read, agentRepository, tag)),
    );
    return tagged.every((manifest) => manifest?.digest === digest);
  }
}
