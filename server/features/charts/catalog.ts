import type { ChartRow } from './queries.ts';
import { compareVersionsFalling, latestOf, tagOfVersion, versionOfTag } from './versions.ts';

/** A version of a chart, as it is shown. */
export interface CatalogVersion {
  /** What Chart.yaml says; a tag, or a digest, where it says nothing that can be served. */
  readonly version: string;
  readonly row: ChartRow;
}

export interface CatalogChart {
  readonly name: string;
  readonly repository: string;
  /** Falling, and never empty. */
  readonly versions: readonly CatalogVersion[];
  readonly latest: CatalogVersion;
  /** Other repositories of the project with charts of this name. */
  readonly conflicts: readonly string[];
}

/** A version whose archive Helm can be given. */
export interface ServedVersion {
  readonly name: string;
  readonly version: string;
  readonly archiveDigest: string;
  readonly row: ChartRow;
}

/**
 * The charts of a project, by name, of tagged manifests only.
 *
 * Helm's index knows a chart by its name alone, and a project may have charts of one name in several
 * repositories. One repository serves the name: `project/name` where it holds one, else the first
 * in the order of their bytes. The others are reported as conflicts, and can be pulled by `oci://`.
 *
 * Where several manifests of a repository call themselves the same version, the one counts whose
 * tag is the version's, else the one that was tagged last.
 */
export function catalogOf(project: string, rows: readonly ChartRow[]): CatalogChart[] {
  const tagged = rows.filter(({ tags }) => tags.length > 0);
  const names = [...Map.groupBy(tagged, nameOf)].sort(([one], [other]) => (one < other ? -1 : 1));
  return names.flatMap(([name, ofName]) => {
    const repositories = [...Map.groupBy(ofName, ({ repository }) => repository)].sort(
      ([one], [other]) => (one < other ? -1 : 1),
    );
    const [repository, chosen] =
      repositories.find(([candidate]) => candidate === `${project}/${name}`) ??
      repositories[0] ??
      [];
    if (repository === undefined || chosen === undefined) return [];
    const conflicts = repositories
      .map(([candidate]) => candidate)
      .filter((candidate) => candidate !== repository);
    return chartOf(name, repository, chosen, conflicts);
  });
}

/** What one repository holds of a chart, whether it serves the name or not. */
export function catalogOfRepository(
  name: string,
  repository: string,
  rows: readonly ChartRow[],
): CatalogChart | undefined {
  const own = rows.filter(
    (row) => row.repository === repository && row.tags.length > 0 && nameOf(row) === name,
  );
  return chartOf(name, repository, own, [])[0];
}

function nameOf({ name, repository }: ChartRow): string {
  return name ?? repository.slice(repository.lastIndexOf('/') + 1);
}

function chartOf(
  name: string,
  repository: string,
  rows: readonly ChartRow[],
  conflicts: readonly string[],
): CatalogChart[] {
  const versions = [...Map.groupBy(rows, versionOf)]
    .flatMap(([version, candidates]) => {
      const row = chooseRow(version, candidates);
      return row === undefined ? [] : [{ version, row }];
    })
    .sort((one, other) => compareVersionsFalling(one.version, other.version));
  const latest = latestOf(versions);
  return latest === undefined ? [] : [{ name, repository, versions, latest, conflicts }];
}

function versionOf({ version, tags, digest }: ChartRow): string {
  return version ?? tags[0]?.name ?? digest;
}

function chooseRow(version: string, rows: readonly ChartRow[]): ChartRow | undefined {
  const tag = tagOfVersion(version);
  const named = rows.find(({ tags }) => tags.some(({ name }) => name === tag));
  return named ?? rows.toSorted((one, other) => lastTagged(other) - lastTagged(one))[0];
}

function lastTagged({ tags }: ChartRow): number {
  return tags[0]?.updatedAt ?? 0;
}

/** Undefined for a chart that Helm would refuse, and whose entry could spoil a whole index. */
export function servedVersion({ row }: CatalogVersion): ServedVersion | undefined {
  const { name, version, archiveDigest } = row;
  return name === null || version === null || archiveDigest === null
    ? undefined
    : { name, version, archiveDigest, row };
}

/** Sentences on what will surprise somebody who pulls this chart. */
export function warningsOf(row: ChartRow): string[] {
  const { name, version, repository, tags } = row;
  const warnings: string[] = [];
  if (name !== null && !repository.endsWith(`/${name}`)) {
    warnings.push(`The chart calls itself ${name}, but lies in the repository ${repository}.`);
  }
  for (const tag of tags) {
    const tagged = versionOfTag(tag.name);
    if (version !== null && tagged !== undefined && tagged !== version) {
      warnings.push(`The tag ${tag.name} gives a chart that calls itself version ${version}.`);
    }
  }
  return warnings;
}
