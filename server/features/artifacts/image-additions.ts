import type { Reader } from '#server/database/database.ts';
import type { AdditionSource } from './additions.ts';
import { buildHistory } from './attributes.ts';
import { configOf } from './config-queries.ts';
import type { ReadConfig } from './configs.ts';

/** How an image was built, as its config tells. */
export function imageAdditions(options: { read: Reader; readConfig: ReadConfig }): AdditionSource {
  const { read, readConfig } = options;
  return {
    artifactType: 'IMAGE',
    names: ['build_history'],
    async read(manifestId) {
      const reference = await configOf(read, manifestId);
      const config = reference === undefined ? undefined : await readConfig(reference);
      return { contentType: 'application/json', body: JSON.stringify(buildHistory(config)) };
    },
  };
}
