/** Content of one project. */
export interface Plan {
  readonly project: string;
  readonly repositories: number;
  /** Of all repositories together, spread evenly; each has at least one. */
  readonly manifests: number;
  /** Of all repositories together, spread evenly. */
  readonly tags: number;
  /** Of each manifest, besides its config. */
  readonly layers: number;
  /** Whether each manifest has blobs of its own, or all of a project have the same. */
  readonly blobs: 'distinct' | 'shared';
  /** Blobs that no manifest needs, pushed two days ago. */
  readonly garbage: number;
}

const most = 10_000_000;

/** @throws {Error} a sentence */
export function checkPlan(plan: Plan): Plan {
  const { repositories, manifests, tags, layers, garbage } = plan;
  const counts = { repositories, manifests, tags, layers, garbage };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isSafeInteger(count) || count < 0 || count > most) {
      throw new Error(`--${name} takes a whole number up to ${most}.`);
    }
  }
  if (repositories < 1) throw new Error('--repositories is at least 1.');
  if (manifests < repositories) {
    throw new Error(
      `${repositories} repositories need as many manifests: each has at least one. Give more by --manifests.`,
    );
  }
  if (layers > 100) throw new Error('--layers is at most 100.');
  return plan;
}

export function repositoryName(plan: Plan, index: number): string {
  return `${plan.project}/app-${padded(index, plan.repositories)}`;
}

/** Tag names sort by their index within a repository. */
export function tagName(plan: Plan, index: number): string {
  return `v${padded(index, Math.ceil(plan.tags / plan.repositories))}`;
}

/** Manifests and tags go around the repositories, so that the tag finds one of its own. */
export function placeOfTag({ repositories, manifests }: Plan, tag: number) {
  const repository = tag % repositories;
  const own = Math.ceil((manifests - repository) / repositories);
  const index = Math.floor(tag / repositories);
  return { repository, index, manifest: repository + repositories * (index % own) };
}

function padded(index: number, count: number): string {
  return String(index).padStart(String(Math.max(count - 1, 0)).length, '0');
}
