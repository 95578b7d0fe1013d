import type { Reader } from '#server/database/database.ts';
import { dependenciesOf } from './detail.ts';
import { helmFields } from './metadata.ts';
import { type ChartTexts, chartTexts } from './queries.ts';

const readers = {
  'values.yaml': ({ valuesYaml }: ChartTexts) => textAs('text/plain', valuesYaml),
  'readme.md': ({ readme }: ChartTexts) => textAs('text/markdown', readme),
  dependencies: ({ metadata }: ChartTexts) => ({
    contentType: 'application/json',
    body: JSON.stringify(dependenciesOf(helmFields(JSON.parse(metadata)))),
  }),
};

function isName(name: string): name is keyof typeof readers {
  return Object.hasOwn(readers, name);
}

function textAs(type: string, body: string | null) {
  return body === null ? undefined : { contentType: `${type}; charset=utf-8`, body };
}

/** What Harbor's clients ask for beyond the fields of an artifact that is a chart. */
export function chartAdditions(read: Reader) {
  return {
    artifactType: 'CHART',
    names: Object.keys(readers),
    async read(manifestId: number, name: string) {
      const texts = isName(name) ? await chartTexts(read, manifestId) : undefined;
      return texts !== undefined && isName(name) ? readers[name](texts) : undefined;
    },
  };
}
