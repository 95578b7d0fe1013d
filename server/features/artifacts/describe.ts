import type { Accessory, Artifact, ArtifactReference, Tag } from '#contract/artifacts.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { OciError } from '#oci/errors.ts';
import { parseManifest } from '#oci/manifest.ts';
import { isIndexMediaType } from '#oci/media-types.ts';
import type { Reader } from '#server/database/database.ts';
import { restPrefix } from '#server/http/rest/index.ts';
import { projectOf } from '#server/permissions/decide.ts';
import { extraAttributes } from './attributes.ts';
import type { ReadConfig } from './configs.ts';
import { type ArtifactRow, manifestBytes } from './queries.ts';
import {
  type AccessoryRow,
  accessoriesOf,
  type ChildRow,
  childrenOf,
  type TagRow,
  tagsOf,
} from './related-queries.ts';
import type { RepositoryRow } from './repository-queries.ts';
import { typeOfAccessory, typeOfArtifact } from './types.ts';

/** As Harbor tells of what was never pulled; pulls are recorded elsewhere. */
const unknownTime = '0001-01-01T00:00:00.000Z';
/** Indexes that are larger tell their parts without platforms. */
const maximumIndexBytes = 1024 * 1024;
const readsAtOnce = 16;

/** Tells rows of one repository as Harbor's clients read artifacts. */
export type DescribeArtifacts = (
  repository: RepositoryRow,
  rows: readonly ArtifactRow[],
) => Promise<Artifact[]>;

export function createDescriber(options: {
  read: Reader;
  readConfig: ReadConfig;
  /** The names of the additions that artifacts of a type have. */
  additionsOf: (type: string) => readonly string[];
}): DescribeArtifacts {
  const { read, readConfig, additionsOf } = options;

  return async (repository, rows) => {
    const ids = rows.map(({ id }) => id);
    const indexes = rows.filter(({ mediaType }) => isIndexMediaType(mediaType));
    const [tags, children, accessories] = await Promise.all([
      tagsOf(read, ids),
      childrenOf(
        read,
        indexes.map(({ id }) => id),
      ),
      accessoriesOf(
        read,
        repository.id,
        rows.map(({ digest }) => digest),
      ),
    ]);
    const tagsById = Map.groupBy(tags, ({ manifestId }) => manifestId);
    const childrenById = Map.groupBy(children, ({ parentId }) => parentId);
    const accessoriesByDigest = Map.groupBy(accessories, ({ subjectDigest }) => subjectDigest);
    return inTurns(rows, async (row) => {
      const type = typeOfArtifact(row.artifactType);
      const own = childrenById.get(row.id) ?? [];
      return {
        id: row.id,
        project_id: repository.projectId,
        repository_id: repository.id,
        repository_name: repository.name,
        type,
        media_type: row.configMediaType ?? row.mediaType,
        manifest_media_type: row.mediaType,
        ...(row.artifactType !== null && { artifact_type: row.artifactType }),
        digest: row.digest,
        size: row.contentSize,
        push_time: new Date(row.createdAt).toISOString(),
        pull_time: unknownTime,
        extra_attrs: { ...extraAttributes(type, await configOf(repository, row)) },
        annotations: JSON.parse(row.annotations),
        references: own.length === 0 ? [] : await referencesOf(row, own),
        tags: (tagsById.get(row.id) ?? []).map((tag) => tagBody(repository, tag)),
        labels: [],
        accessories: (accessoriesByDigest.get(row.digest) ?? []).map((accessory) =>
          accessoryBody(repository, row, accessory),
        ),
        addition_links: additionLinks(repository, row, additionsOf(type)),
      };
    });
  };

  async function configOf(repository: RepositoryRow, row: ArtifactRow) {
    const { configDigest: digest, configSize: size } = row;
    if (digest === null || size === null) return undefined;
    return readConfig({ repositoryId: repository.id, digest, size });
  }

  async function referencesOf(
    row: ArtifactRow,
    children: readonly ChildRow[],
  ): Promise<ArtifactReference[]> {
    const bytes =
      row.manifestSize <= maximumIndexBytes ? await manifestBytes(read, row.id) : undefined;
    const descriptors = bytes === undefined ? [] : childDescriptors(bytes, row.mediaType);
    return children.map((child, position) => referenceBody(row, child, descriptors[position]));
  }
}

/** What was accepted once is read again; if rules have become stricter since, platforms are missing. */
function childDescriptors(bytes: Uint8Array, mediaType: string): readonly Descriptor[] {
  try {
    return parseManifest(bytes, mediaType).children;
  } catch (error) {
    if (error instanceof OciError) return [];
    throw error;
  }
}

async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += readsAtOnce) {
    results.push(...(await Promise.all(items.slice(start, start + readsAtOnce).map(work))));
  }
  return results;
}

function referenceBody(
  { id }: ArtifactRow,
  child: ChildRow,
  descriptor: Descriptor | undefined,
): ArtifactReference {
  const { platform, annotations } = descriptor ?? {};
  return {
    parent_id: id,
    child_id: child.manifestId ?? 0,
    child_digest: child.digest,
    ...(platform !== undefined && {
      platform: {
        architecture: platform.architecture,
        os: platform.os,
        ...(platform.variant !== undefined && { variant: platform.variant }),
        ...(platform.osVersion !== undefined && { 'os.version': platform.osVersion }),
      },
    }),
    ...(annotations !== undefined && { annotations }),
  };
}

export function tagBody({ id: repositoryId }: RepositoryRow, tag: TagRow): Tag {
  return {
    id: tag.id,
    repository_id: repositoryId,
    artifact_id: tag.manifestId,
    name: tag.name,
    push_time: new Date(tag.updatedAt).toISOString(),
    pull_time: unknownTime,
    immutable: false,
  };
}

export function accessoryBody(
  repository: RepositoryRow,
  subject: ArtifactRow,
  accessory: AccessoryRow,
): Accessory {
  return {
    id: accessory.id,
    artifact_id: accessory.id,
    subject_artifact_id: subject.id,
    subject_artifact_digest: subject.digest,
    subject_artifact_repo: repository.name,
    size: accessory.size,
    digest: accessory.digest,
    type: typeOfAccessory(accessory.artifactType, accessory.suffix),
    creation_time: new Date(accessory.createdAt).toISOString(),
  };
}

/** The path of an artifact as clients write it: "/" in a repository's name is encoded twice. */
export function artifactPath(repository: string, reference: string): string {
  const project = projectOf(repository);
  const rest = encodeURIComponent(encodeURIComponent(repository.slice(project.length + 1)));
  return `${restPrefix}/projects/${project}/repositories/${rest}/artifacts/${reference}`;
}

function additionLinks(
  repository: RepositoryRow,
  { digest }: ArtifactRow,
  names: readonly string[],
): Artifact['addition_links'] {
  const path = artifactPath(repository.name, digest);
  return Object.fromEntries(
    names.map((name) => [name, { href: `${path}/additions/${name}`, absolute: false }]),
  );
}
