import type { ChartDependency, ChartDetail, ChartVersion } from '#contract/charts.ts';
import { type CatalogVersion, warningsOf } from './catalog.ts';
import { type ChartMetadata, helmFields } from './metadata.ts';
import type { ChartTexts } from './queries.ts';
import type { ChartFile } from './read-chart.ts';

export function versionBody(name: string, { version, row }: CatalogVersion): ChartVersion {
  return {
    name,
    version,
    ...(row.appVersion !== null && { app_version: row.appVersion }),
    repository: row.repository,
    digest: row.digest,
    ...(row.archiveDigest !== null && { archive_digest: row.archiveDigest }),
    ...(row.archiveSize !== null && { archive_size: row.archiveSize }),
    tags: row.tags.map((tag) => tag.name),
    signed: row.signed,
    creation_time: new Date(row.createdAt).toISOString(),
    ...(row.problem !== null && { problem: row.problem }),
    warnings: warningsOf(row),
  };
}

export function detailBody(name: string, version: CatalogVersion, texts: ChartTexts): ChartDetail {
  const stored: Record<string, unknown> = JSON.parse(texts.metadata);
  const files: readonly ChartFile[] = JSON.parse(texts.files);
  const metadata = helmFields(stored);
  return {
    ...versionBody(name, version),
    metadata: stored,
    readme: texts.readme,
    values_yaml: texts.valuesYaml,
    values_schema: texts.valuesSchema,
    lock: files.find(({ path }) => path === 'Chart.lock')?.text ?? null,
    templates: files.filter(({ path }) => path !== 'Chart.lock'),
    dependencies: dependenciesOf(metadata),
    artifact_hub: artifactHubOf(metadata),
    provenance: texts.provenance,
  };
}

export function dependenciesOf({ dependencies = [] }: ChartMetadata): ChartDependency[] {
  return dependencies.map(({ name, version = '', repository }) => ({ name, version, repository }));
}

const artifactHub = 'artifacthub.io/';

function artifactHubOf({ annotations = {} }: ChartMetadata): Record<string, string> {
  const entries = Object.entries(annotations)
    .filter(([name]) => name.startsWith(artifactHub))
    .map(([name, value]) => [name.slice(artifactHub.length), value]);
  return Object.fromEntries(entries);
}
