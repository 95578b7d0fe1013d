import type { NamespaceSelector } from '#contract/agent.ts';
import { isDnsLabel, isDnsSubdomain } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';

const mostLabels = 16;

/**
 * A selector as it is stored: equal ones are equal texts.
 * @throws {Refusal} `invalid`
 */
export function writeSelector(selector: NamespaceSelector): string {
  switch (selector.kind) {
    case 'all':
      return JSON.stringify({ kind: 'all' });
    case 'name':
      if (!isDnsLabel(selector.name)) {
        throw invalid(
          `${quote(selector.name)} is no name of a namespace: it must be 1 to 63 lower-case letters, digits and dashes, no dash at the ends.`,
        );
      }
      return JSON.stringify({ kind: 'name', name: selector.name });
    case 'labels': {
      const labels = Object.entries(selector.labels);
      if (labels.length === 0 || labels.length > mostLabels) {
        throw invalid(`A selector by labels has 1 to ${mostLabels} of them, as KEY=VALUE.`);
      }
      for (const [key, value] of labels) checkLabel(key, value);
      labels.sort(([one], [other]) => (one < other ? -1 : 1));
      return JSON.stringify({ kind: 'labels', labels: Object.fromEntries(labels) });
    }
  }
}

export function readSelector(stored: string): NamespaceSelector {
  return JSON.parse(stored);
}

/** As Kubernetes has it: `[prefix/]name`, and a value that may be empty. */
function checkLabel(key: string, value: string): void {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const isKey =
    (prefix === undefined || isDnsSubdomain(prefix)) && isQualified(key.slice(slash + 1));
  if (isKey && (value === '' || isQualified(value))) return;
  throw invalid(
    `${quote(`${key}=${value}`)} is no label of Kubernetes: key and value are at most 63 letters, digits, dashes, underscores and dots, with a letter or digit at both ends; a DNS name and "/" may stand before the key.`,
  );
}

function isQualified(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 63 &&
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)
  );
}

function invalid(message: string): Refusal {
  return new Refusal('invalid', message);
}
