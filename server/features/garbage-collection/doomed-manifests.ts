import { doomedOf } from './manifests.ts';
import { graphOf, type RepositoryRow, repositoriesAfter } from './queries.ts';
import { breathe, type Run, walk } from './run.ts';

/** The manifests that nobody needs, by repository, each behind those that it belongs to. */
export async function* doomedManifests(
  run: Run,
): AsyncGenerator<{ readonly repository: RepositoryRow; readonly ids: readonly number[] }> {
  const { read } = run.database;
  let done = 0;
  const repositories = walk<RepositoryRow>(run, (last, limit) =>
    repositoriesAfter(read, { after: last?.id ?? 0, limit, orphansOnly: !run.deleteUntagged }),
  );
  for await (const page of repositories) {
    for (const repository of page) {
      run.report({ step: 'looking at manifests, by repository', done: done++ });
      const graph = await graphOf(read, repository.id, () => breathe(run));
      const ids = doomedOf(graph, run);
      if (ids.length > 0) yield { repository, ids };
    }
  }
}
