import { reservedProject } from '#contract/names.ts';
import { type Charts, tagOfVersion } from '#features/charts';
import { ensureReservedProject } from '#features/projects';
import { digestOf } from '#oci/digest.ts';
import { parseManifest } from '#oci/manifest.ts';
import type { Database } from '#server/database/database.ts';
import { manifestOfTag } from './queries.ts';
import { serverPush } from './server-push.ts';

export interface OwnChart {
  readonly name: string;
  readonly version: string;
  /** As `helm package` makes it; the same bytes for the same content. */
  readonly archive: Uint8Array;
}

const folder = `${reservedProject}/charts`;

/**
 * Sees to it that the registry holds a chart of the server's own, for
 * `helm install oci://HOST/berth/charts/NAME --version VERSION`.
 * @throws {Refusal} `invalid` for what Helm would not install
 */
export type ProvideChart = (chart: OwnChart) => Promise<void>;

export function createOwnCharts(options: {
  database: Database;
  charts: Pick<Charts, 'publish'>;
  now: () => number;
}): ProvideChart {
  const { database, charts, now } = options;

  return async ({ name, version, archive }) => {
    const repository = `${folder}/${name}`;
    const present = await manifestOfTag(database.read, repository, tagOfVersion(version));
    const digest = digestOf('sha256', archive);
    const layers = present && parseManifest(present.bytes, present.mediaType).layers;
    if (layers?.some((layer) => layer.digest === digest)) return;
    await database.write(ensureReservedProject, { now: now() });
    await charts.publish({ folder, archive, provenance: undefined, force: true, ...serverPush });
  };
}
