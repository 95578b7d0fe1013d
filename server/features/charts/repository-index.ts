import { type CatalogChart, type ServedVersion, servedVersion } from './catalog.ts';
import { helmFields } from './metadata.ts';

/** The name of a chart's archive below the repository's own address. */
export function archivePath({ name, version }: Pick<ServedVersion, 'name' | 'version'>): string {
  return `charts/${name}-${version}.tgz`;
}

/**
 * The `index.yaml` of a project: JSON, which Helm reads many times faster than other YAML. Charts
 * that the index leaves out since another repository serves their name stand in comments before it;
 * it is other YAML then. Helm 3 refuses an index as a whole for one field that it does not know, so
 * nothing but Helm's own fields is in it.
 * @param metadataOf Chart.yaml as it was kept
 */
export function renderIndex(
  charts: readonly CatalogChart[],
  metadataOf: (manifestId: number) => string | undefined,
): string {
  let generated = 0;
  const entries: string[] = [];
  const comments: string[] = [];
  for (const chart of charts) {
    const versions = chart.versions.flatMap((version) => servedVersion(version) ?? []);
    for (const { row } of versions) generated = Math.max(generated, row.createdAt);
    const lines = versions.flatMap((version) => {
      const metadata = metadataOf(version.row.manifestId);
      return metadata === undefined ? [] : [JSON.stringify(indexEntry(version, metadata))];
    });
    if (lines.length === 0) continue;
    entries.push(`${JSON.stringify(chart.name)}:[\n${lines.join(',\n')}\n]`);
    comments.push(...chart.conflicts.map((repository) => comment(chart, repository)));
  }
  const time = JSON.stringify(new Date(generated).toISOString());
  const json = `{"apiVersion":"v1","generated":${time},"entries":{\n${entries.join(',\n')}\n}}\n`;
  return comments.join('') + json;
}

function comment({ name, repository }: CatalogChart, other: string): string {
  return `# ${name} is served from ${repository}: pull the one in ${other} as oci://HOST/${other}\n`;
}

/**
 * What the index says of a version.
 * @param metadata Chart.yaml as it was kept
 */
export function indexEntry(served: ServedVersion, metadata: string) {
  const { archiveDigest, row } = served;
  return {
    ...helmFields(JSON.parse(metadata)),
    urls: [archivePath(served)],
    created: new Date(row.createdAt).toISOString(),
    ...(archiveDigest.startsWith('sha256:') && { digest: archiveDigest.slice('sha256:'.length) }),
  };
}
