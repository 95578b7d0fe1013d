import { isRepositoryName, nameRules } from '#contract/names.ts';
import type { Manifests, Pusher, Uploads } from '#features/registry';
import { Refusal } from '#lib/errors.ts';
import { digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import type { Database } from '#server/database/database.ts';
import { shown, UnreadableChart } from './errors.ts';
import { chartArtifact } from './oci-artifact.ts';
import { hasTag, manifestIdOf } from './queries.ts';
import type { ChartContent } from './read-chart.ts';
import type { ReadPushedChart } from './reader.ts';
import { tagOfVersion } from './versions.ts';

export interface ChartUpload {
  /** The repository without its last segment, which is the chart's name. */
  readonly folder: string;
  readonly archive: Uint8Array;
  readonly provenance: Uint8Array | undefined;
  /** Replaces a version that exists. */
  readonly force: boolean;
  readonly pusher: Pusher;
  /** Who that is, in words. */
  readonly by: string;
}

/**
 * Takes a packaged chart and pushes it to `folder/name`, as `helm push` would. It is read when
 * this resolves.
 * @throws {Refusal} `invalid` for what Helm would not install, `conflict` for a version that exists
 */
export type PublishChart = (upload: ChartUpload) => Promise<void>;

export function createPublishChart(options: {
  database: Database;
  registry: { readonly uploads: Uploads; readonly manifests: Manifests };
  readPushedChart: ReadPushedChart;
  now: () => number;
}): PublishChart {
  const { database, registry, readPushedChart, now } = options;
  const { read } = database;

  return async ({ folder, archive, provenance, force, pusher, by }) => {
    const { content, name, version } = await readUpload(archive);
    if (provenance !== undefined) requireProvenanceOf(archive, provenance);
    const repository = `${folder}/${name}`;
    if (!isRepositoryName(repository)) {
      throw new Refusal(
        'invalid',
        `The chart ${shown(name)} cannot be pushed: its repository's name must ${nameRules.repository}.`,
      );
    }
    const tag = tagOfVersion(version);
    if (!force && (await hasTag(read, repository, tag))) {
      throw new Refusal(
        'conflict',
        `${repository} has the version ${version} already: raise the version in Chart.yaml, or upload with ?force=true to replace it.`,
      );
    }
    const artifact = chartArtifact({
      metadata: content.metadata,
      archive,
      provenance,
      created: now(),
    });
    for (const { digest, bytes } of artifact.blobs) {
      const id = await registry.uploads.begin(repository);
      await registry.uploads.finish(id, { bytes: once(bytes) }, { repository, digest, pusher });
    }
    const { digest } = await registry.manifests.push({
      repository,
      reference: { kind: 'tag', tag },
      tags: [],
      contentType: mediaTypes.oci.manifest,
      bytes: artifact.manifest,
      pusher,
      by,
    });
    const manifestId = await manifestIdOf(read, repository, digest);
    if (manifestId !== undefined) await readPushedChart(manifestId);
  };
}

interface ReadUpload {
  readonly content: ChartContent;
  readonly name: string;
  readonly version: string;
}

async function readUpload(archive: Uint8Array): Promise<ReadUpload> {
  try {
    const { readChart } = await import('./read-chart.ts');
    const content = await readChart(once(archive));
    const { name, version, problems } = content;
    if (problems.length === 0 && name !== undefined && version !== undefined) {
      return { content, name, version };
    }
    throw new UnreadableChart(problems.join(' '));
  } catch (error) {
    if (!(error instanceof UnreadableChart)) throw error;
    throw new Refusal('invalid', `This is no chart that Helm could install. ${error.message}`, {
      cause: error,
    });
  }
}

/** Signed for another archive, it would make every `helm install --verify` fail. */
function requireProvenanceOf(archive: Uint8Array, provenance: Uint8Array): void {
  const digest = digestOf('sha256', archive);
  if (signedDigests(provenance).includes(digest)) return;
  throw new Refusal(
    'invalid',
    `The provenance file does not sign this archive (${digest}): run helm package --sign again and upload both files that it makes.`,
  );
}

/** The digests of the archives that a provenance file speaks for. */
export function signedDigests(provenance: Uint8Array): string[] {
  const text = Buffer.from(provenance).toString('utf8');
  return [...text.matchAll(/^ {2}\S{1,512}: (sha256:[0-9a-f]{64})\r?$/gm)].flatMap(
    ([, digest]) => digest ?? [],
  );
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
