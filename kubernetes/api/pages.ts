import type { KubernetesApi, ListChoice } from './api.ts';
import { AnswerTooLarge, isExpired } from './errors.ts';
import type { KubernetesList } from './objects.ts';
import type { Resource } from './resources.ts';

export interface PagesChoice extends Omit<ListChoice, 'limit' | 'continue'> {
  /** Of objects; smaller where objects are so large that an answer would be longer than is taken. */
  readonly pageSize?: number;
}

const defaultPageSize = 100;
/** How often a list is begun anew whose rest the server has forgotten meanwhile. */
const mostBeginnings = 3;

/**
 * The pages of one list, of one moment; the last one has no `continue`.
 * @throws {KubernetesError} 410 where the server has forgotten the rest
 */
export async function* listPages<Item>(
  api: KubernetesApi,
  resource: Resource<Item>,
  { pageSize = defaultPageSize, ...choice }: PagesChoice = {},
): AsyncGenerator<KubernetesList<Item>> {
  let limit = pageSize;
  let rest: string | undefined;
  do {
    const page = await listPage(rest);
    yield page;
    rest = page.metadata.continue || undefined;
  } while (rest !== undefined);

  async function listPage(from: string | undefined): Promise<KubernetesList<Item>> {
    for (;;) {
      try {
        return await api.list(resource, {
          ...choice,
          limit,
          ...(from !== undefined && { continue: from }),
        });
      } catch (error) {
        if (!(error instanceof AnswerTooLarge) || limit === 1) throw error;
        limit = Math.ceil(limit / 4);
      }
    }
  }
}

/** What `keep` makes of every object of a list, however long it is, of one moment. */
export async function listAll<Item, Kept>(
  api: KubernetesApi,
  resource: Resource<Item>,
  choice: PagesChoice,
  keep: (item: Item) => Kept | undefined,
): Promise<Kept[]> {
  for (let beginnings = 1; ; beginnings += 1) {
    try {
      const kept: Kept[] = [];
      for await (const { items } of listPages(api, resource, choice)) {
        kept.push(...items.flatMap((item) => keep(item) ?? []));
      }
      return kept;
    } catch (error) {
      if (!isExpired(error) || beginnings === mostBeginnings) throw error;
    }
  }
}
