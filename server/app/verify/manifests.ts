import { edgesOf, requiredBlobsOf } from '#features/registry';
import {
  deleteManifest,
  linkNeededBlob,
  type ManifestEdge,
  replaceManifestEdges,
} from '#features/registry/writes';
import { algorithmOf, digestOf, isDigest } from '#oci/digest.ts';
import { type ParsedManifest, parseManifest } from '#oci/manifest.ts';
import type { Database } from '#server/database/database.ts';
import type { Findings } from './findings.ts';
import {
  type EdgeRow,
  edgesBetween,
  isLiveBlob,
  type ManifestToCheck,
  manifestSizesBehind,
  manifestsBetween,
  tagsAstray,
  tagsOf,
  unlinkedEdgesBetween,
} from './queries.ts';

const pageRows = 500;
const pageBytes = 16 * 1024 * 1024;
const tagsNamed = 1000;

/** Who deleted what a repair removes, as events tell it. */
const repairer = 'berth verify';

/** Checks every manifest against its digest, and every edge against the manifest's bytes. */
export async function checkManifests(options: {
  database: Database;
  repair: boolean;
  findings: Findings;
  onManifests: (count: number, bytes: number) => void;
  now: () => number;
}): Promise<void> {
  const { database, repair, findings, onManifests, now } = options;
  const { read } = database;

  for (let last = 0; ; ) {
    const page = fitting(await manifestSizesBehind(read, last, pageRows));
    const [first] = page;
    const end = page.at(-1);
    if (first === undefined || end === undefined) return;
    await checkPage(first.id, end.id);
    onManifests(
      page.length,
      page.reduce((bytes, { size }) => bytes + size, 0),
    );
    last = end.id;
  }

  async function checkPage(first: number, last: number): Promise<void> {
    const manifests = await manifestsBetween(read, first, last);
    const edges = Map.groupBy(await edgesBetween(read, first, last), (edge) => edge.manifestId);
    const unlinked = Map.groupBy(
      await unlinkedEdgesBetween(read, first, last),
      (edge) => edge.manifestId,
    );
    for (const manifest of manifests) {
      const faults = faultsOf(manifest, edges.get(manifest.id) ?? []);
      if (faults.damage !== undefined) await reportDamage(manifest, faults.damage);
      else if (faults.edges !== undefined) await reportEdges(manifest, faults.edges);
      const missing = unlinked.get(manifest.id);
      if (faults.parsed === undefined || missing === undefined) continue;
      // Signatures may be pushed before their blobs, and some layers never are.
      const required = new Set(requiredBlobsOf(faults.parsed));
      for (const { digest } of missing) {
        if (required.has(digest)) await reportUnlinked(manifest, digest);
      }
    }
  }

  /** What was read before may have been deleted, or pushed again, since. */
  async function isStill(
    { id }: ManifestToCheck,
    fault: (manifest: ManifestToCheck, edges: readonly EdgeRow[]) => unknown,
  ): Promise<boolean> {
    const [manifest] = await manifestsBetween(read, id, id);
    return (
      manifest !== undefined && fault(manifest, await edgesBetween(read, id, id)) !== undefined
    );
  }

  async function reportDamage(manifest: ManifestToCheck, damage: string): Promise<void> {
    if (!(await isStill(manifest, (current, edges) => faultsOf(current, edges).damage))) return;
    const { repository, digest } = manifest;
    const subject = `${repository}@${digest}`;
    const tags = await tagsOf(read, manifest.id);
    const tagged = tags.length === 0 ? '' : ` Its tags are ${tags.join(', ')}.`;
    if (repair) {
      await database.write(deleteManifest, {
        repository,
        digest,
        // The next collection takes its blobs, unless the manifest is back by then.
        linkedBefore: 0,
        by: repairer,
        now: now(),
      });
    }
    const push = `push ${tags[0] === undefined ? subject : `${repository}:${tags[0]}`} again from where it was built or pulled, or restore a backup`;
    findings.add({
      kind: 'manifest-damaged',
      subject,
      problem: `The manifest ${subject} is damaged: ${damage}.${tagged}`,
      cure: repair
        ? `${push[0]?.toUpperCase()}${push.slice(1)}.`
        : `Run berth verify --repair, which removes it with its tags, then ${push}.`,
      repair: repair ? 'It was removed with its tags, so that it can be pushed again.' : undefined,
    });
  }

  async function reportEdges(
    manifest: ManifestToCheck,
    right: readonly ManifestEdge[],
  ): Promise<void> {
    if (!(await isStill(manifest, (current, edges) => faultsOf(current, edges).edges))) return;
    const subject = `${manifest.repository}@${manifest.digest}`;
    if (repair) {
      await database.write(replaceManifestEdges, { manifestId: manifest.id, edges: right });
    }
    findings.add({
      kind: 'edges-wrong',
      subject,
      problem: `What the database says that the manifest ${subject} points at is not what its bytes say.`,
      cure: repair ? undefined : 'Run berth verify --repair, which reads it from the bytes again.',
      repair: repair ? 'It was read from the bytes again.' : undefined,
    });
  }

  async function reportUnlinked(manifest: ManifestToCheck, digest: string): Promise<void> {
    const exists = await isLiveBlob(read, digest);
    const current = await unlinkedEdgesBetween(read, manifest.id, manifest.id);
    if (!current.some((edge) => edge.digest === digest)) return;
    const { repository } = manifest;
    const subject = `${repository}@${manifest.digest}`;
    if (!exists) {
      findings.add({
        kind: 'blob-absent',
        subject,
        problem: `The manifest ${subject} needs the blob ${digest}, which the registry does not hold.`,
        cure: 'Push the image again from where it was built or pulled, or restore a backup.',
        repair: undefined,
      });
      return;
    }
    if (repair) {
      await database.write(linkNeededBlob, { manifestId: manifest.id, digest, now: now() });
    }
    findings.add({
      kind: 'blob-not-linked',
      subject,
      problem: `The manifest ${subject} needs the blob ${digest}, which ${repository} has no access to.`,
      cure: repair ? undefined : 'Run berth verify --repair, which gives it access.',
      repair: repair ? `${repository} has access to it again.` : undefined,
    });
  }
}

/** Checks that every tag points at a manifest of its own repository. */
export async function checkTags(database: Database, findings: Findings): Promise<void> {
  for (const tag of await tagsAstray(database.read, tagsNamed)) {
    findings.add({
      kind: 'tag-astray',
      subject: tag,
      problem: `The tag ${tag} points at no manifest of its repository.`,
      cure: `Push ${tag} again, or delete the tag.`,
      repair: undefined,
    });
  }
}

interface Faults {
  readonly damage?: string;
  /** The right ones, when those of the database are wrong. */
  readonly edges?: readonly ManifestEdge[];
  readonly parsed?: ParsedManifest;
}

function faultsOf(manifest: ManifestToCheck, rows: readonly EdgeRow[]): Faults {
  const { digest, bytes, size, mediaType, subjectDigest } = manifest;
  if (!isDigest(digest)) return { damage: 'its row names no digest' };
  const actual = digestOf(algorithmOf(digest), bytes);
  if (actual !== digest) return { damage: `its bytes have the digest ${actual}` };
  if (size !== bytes.byteLength) {
    return { damage: `its row says ${size} bytes, and it has ${bytes.byteLength}` };
  }
  let parsed: ParsedManifest;
  try {
    parsed = parseManifest(bytes, mediaType);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { damage: `its row says that it is a ${mediaType}, which it is not (${reason})` };
  }
  if ((parsed.subject?.digest ?? null) !== subjectDigest) {
    return { damage: 'its row names another subject than its bytes' };
  }
  const right = edgesOf(parsed);
  const same =
    right.length === rows.length &&
    right.every((edge, index) => isSame(edge, rows[index], manifest.repositoryId));
  return same ? { parsed } : { parsed, edges: right };
}

function isSame(edge: ManifestEdge, row: EdgeRow | undefined, repositoryId: number): boolean {
  return (
    row !== undefined &&
    row.repositoryId === repositoryId &&
    row.kind === edge.kind &&
    row.digest === edge.digest &&
    row.mediaType === edge.mediaType &&
    row.size === edge.size
  );
}

function fitting<Row extends { readonly size: number }>(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  return rows.filter(({ size }, position) => {
    bytes += size;
    return position === 0 || bytes <= pageBytes;
  });
}
