import { digestOfDependentTag } from '#features/registry/writes';

/** A manifest as a collection sees it. Times are milliseconds since 1970. */
export interface ManifestNode {
  readonly id: number;
  readonly digest: string;
  readonly subject: string | undefined;
  /** When it was pushed, or somebody was last told that it is there. */
  readonly heldAt: number;
  /** When its subject or index was deleted. */
  readonly orphanedAt: number | undefined;
}

/** The manifests of one repository. */
export interface RepositoryGraph {
  readonly manifests: readonly ManifestNode[];
  readonly tags: readonly { readonly name: string; readonly manifestId: number }[];
  /** Children of indexes. */
  readonly children: readonly { readonly manifestId: number; readonly digest: string }[];
}

export interface Rules {
  /** What was held or orphaned since then stays. */
  readonly before: number;
  /** Whether a manifest goes because it has no tag. */
  readonly deleteUntagged: boolean;
}

/**
 * The manifests that nobody needs, each behind those that it belongs to. What is tagged or young
 * stays, and so do children of an index that stays, and the referrers and signatures of what stays.
 * Where untagged manifests are kept, only those go whose subject or index was deleted, with all
 * that belongs to them in turn.
 */
export function doomedOf(graph: RepositoryGraph, { before, deleteUntagged }: Rules): number[] {
  const byDigest = new Map(graph.manifests.map((node) => [node.digest, node]));
  const byId = new Map(graph.manifests.map((node) => [node.id, node]));
  const belongings = new Map<number, Set<number>>();
  const owned = new Set<number>();
  const tagged = new Set<number>();

  function belongs(id: number, owner: ManifestNode | undefined): void {
    if (owner === undefined || owner.id === id) return;
    const own = belongings.get(owner.id) ?? new Set();
    belongings.set(owner.id, own.add(id));
    owned.add(id);
  }

  for (const node of graph.manifests) {
    if (node.subject !== undefined) belongs(node.id, byDigest.get(node.subject));
  }
  for (const { manifestId, digest } of graph.children) {
    const child = byDigest.get(digest);
    if (child !== undefined) {
      belongs(child.id, byId.get(manifestId));
    }
  }
  const orphans = new Set(
    graph.manifests.flatMap(({ id, orphanedAt }) => (orphanedAt === undefined ? [] : [id])),
  );
  for (const { name, manifestId } of graph.tags) {
    const digest = digestOfDependentTag(name);
    const owner = digest === undefined ? undefined : byDigest.get(digest);
    if (owner !== undefined) belongs(manifestId, owner);
    else if (digest === undefined || !orphans.has(manifestId)) tagged.add(manifestId);
  }

  const kept = new Set<number>();
  const keep = (first: number) => {
    const open = [first];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (kept.has(id)) continue;
      kept.add(id);
      open.push(...(belongings.get(id) ?? []));
    }
  };
  for (const { id, heldAt, orphanedAt } of graph.manifests) {
    const young = heldAt >= before || (orphanedAt !== undefined && orphanedAt >= before);
    const standsAlone = !deleteUntagged && orphanedAt === undefined && !owned.has(id);
    if (tagged.has(id) || young || standsAlone) keep(id);
  }
  return ownersFirst(
    graph.manifests.flatMap(({ id }) => (kept.has(id) ? [] : [id])),
    belongings,
  );
}

function ownersFirst(
  ids: readonly number[],
  belongings: ReadonlyMap<number, ReadonlySet<number>>,
): number[] {
  const behind: number[] = [];
  const seen = new Set<number>();
  const visit = (first: number) => {
    const open: { readonly id: number; readonly left: number[] }[] = [];
    const enter = (id: number) => {
      seen.add(id);
      open.push({ id, left: [...(belongings.get(id) ?? [])] });
    };
    enter(first);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const next = top.left.pop();
      if (next === undefined) {
        behind.push(top.id);
        open.pop();
      } else if (!seen.has(next)) {
        enter(next);
      }
    }
  };
  const doomed = new Set(ids);
  for (const id of ids) if (!seen.has(id)) visit(id);
  return behind.reverse().filter((id) => doomed.has(id));
}
