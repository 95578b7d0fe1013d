import { storageKeyOf } from '#features/registry';
import { isHelmChartLayer, mediaTypes } from '#oci/media-types.ts';
import { BlobLost, type BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { Subscriber } from '#server/events/outbox.ts';
import { archiveLimits } from './archive-limits.ts';
import { UnreadableChart } from './errors.ts';
import type { ChartContent } from './read-chart.ts';
import { isRead, type LayerRow, type PushedManifest, pushedManifest } from './reading-queries.ts';
import { type StoreChart, storeChart } from './writes.ts';

/** Signed provenance is a Chart.yaml, digests and a signature. */
export const maximumProvenanceBytes = 256 * 1024;

/** Reads a pushed manifest's chart, if it is one and has not been read, and keeps what it says. */
export type ReadPushedChart = (manifestId: number) => Promise<void>;

export function createChartReader(options: {
  database: Database;
  store: BlobStore;
}): ReadPushedChart {
  const { database, store } = options;
  const { read } = database;

  return async (manifestId) => {
    const manifest = await pushedManifest(read, manifestId);
    if (manifest?.configMediaType !== mediaTypes.helm.config) return;
    if (await isRead(read, manifestId)) return;
    await database.write(storeChart, await rowOf(manifestId, manifest));
  };

  /** What is wrong with a chart is a part of what is kept: trying again would find it once more. */
  async function rowOf(manifestId: number, manifest: PushedManifest): Promise<StoreChart> {
    const archive = manifest.layers.find(({ mediaType }) => isHelmChartLayer(mediaType));
    const signature = manifest.layers.find(
      ({ mediaType }) => mediaType === mediaTypes.helm.provenance,
    );
    const placed = {
      manifest_id: manifestId,
      archive_digest: archive?.digest ?? null,
      archive_size: archive?.size ?? null,
    };
    try {
      if (archive === undefined) {
        throw new UnreadableChart('The manifest has no layer with a chart archive.');
      }
      if (archive.size > archiveLimits.compressedBytes) {
        throw new UnreadableChart(
          `The chart archive has more than ${archiveLimits.compressedBytes} bytes, which is not read.`,
        );
      }
      const { readChart } = await import('./read-chart.ts');
      const content = await readChart(await open(manifest, archive));
      const provenance = await readProvenance(manifest, signature);
      return { ...placed, ...columnsOf(content), provenance };
    } catch (error) {
      const sentence = sentenceOf(error);
      if (sentence === undefined) throw error;
      return { ...placed, ...unreadColumns, problem: sentence };
    }
  }

  async function open({ repositoryId }: PushedManifest, { digest }: LayerRow) {
    const key = await storageKeyOf(read, repositoryId, digest);
    if (key === undefined) {
      throw new UnreadableChart(`The layer ${digest} is not in the repository: push it again.`);
    }
    return store.read(key);
  }

  async function readProvenance(
    manifest: PushedManifest,
    layer: LayerRow | undefined,
  ): Promise<string | null> {
    if (layer === undefined) return null;
    if (layer.size > maximumProvenanceBytes) return null;
    const chunks: Uint8Array[] = [];
    for await (const chunk of await open(manifest, layer)) chunks.push(chunk);
    return new TextDecoder().decode(Buffer.concat(chunks)).replaceAll('\0', '\ufffd');
  }
}

/** Undefined where the chart is not to blame, and another attempt may fare better. */
function sentenceOf(error: unknown): string | undefined {
  if (error instanceof UnreadableChart) return error.message;
  if (error instanceof BlobLost) return 'The bytes of the chart are lost: push it again.';
  return undefined;
}

const unreadColumns = {
  name: null,
  version: null,
  app_version: null,
  metadata: '{}',
  readme: null,
  values_yaml: null,
  values_schema: null,
  templates: '[]',
  provenance: null,
} as const;

function columnsOf(
  content: ChartContent,
): Omit<StoreChart, 'manifest_id' | 'provenance' | 'archive_digest' | 'archive_size'> {
  const sentences = [...content.problems, ...content.notes];
  return {
    name: content.name ?? null,
    version: content.version ?? null,
    app_version: content.metadata.appVersion ?? null,
    metadata: JSON.stringify({ ...content.others, ...content.metadata }),
    readme: content.readme ?? null,
    values_yaml: content.values ?? null,
    values_schema: content.schema ?? null,
    templates: JSON.stringify(content.files),
    problem: sentences.length === 0 ? null : sentences.join(' '),
  };
}

/** Hears of pushes, and reads the charts among them. */
export function chartSubscriber(readPushedChart: ReadPushedChart): Subscriber {
  return {
    name: 'charts',
    async hear(event) {
      if (event.type === 'manifest.pushed') await readPushedChart(event.manifestId);
    },
  };
}
