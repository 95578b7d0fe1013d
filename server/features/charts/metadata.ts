import type { YamlMapping } from './bounded-yaml.ts';
import { parseVersion } from './versions.ts';

/** Chart.yaml's `maintainers`, in the order of Helm's own fields. */
export interface Maintainer {
  readonly name?: string;
  readonly email?: string;
  readonly url?: string;
}

/** Chart.yaml's `dependencies`, in the order of Helm's own fields. */
export interface Dependency {
  readonly name: string;
  readonly version?: string;
  readonly repository: string;
  readonly condition?: string;
  readonly tags?: readonly string[];
  readonly enabled?: boolean;
  readonly 'import-values'?: readonly unknown[];
  readonly alias?: string;
}

/**
 * The fields of Chart.yaml that Helm knows, in the order in which Helm writes them as JSON. Each is
 * absent where it is empty, as in Helm's own JSON.
 */
export interface ChartMetadata {
  readonly name?: string;
  readonly home?: string;
  readonly sources?: readonly string[];
  readonly version?: string;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly maintainers?: readonly Maintainer[];
  readonly icon?: string;
  readonly apiVersion?: string;
  readonly condition?: string;
  readonly tags?: string;
  readonly appVersion?: string;
  readonly deprecated?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly kubeVersion?: string;
  readonly dependencies?: readonly Dependency[];
  readonly type?: string;
}

type Reader = (value: unknown) => unknown;

const maintainerFields: Readonly<Record<keyof Maintainer, Reader>> = {
  name: printable,
  email: printable,
  url: printable,
};

const dependencyFields: Readonly<Record<keyof Dependency, Reader>> = {
  name: printable,
  version: printable,
  repository: printable,
  condition: printable,
  tags: listOf(printable),
  enabled: flag,
  'import-values': listOf((value) => value),
  alias: text,
};

const metadataFields: Readonly<Record<keyof ChartMetadata, Reader>> = {
  name: printable,
  home: printable,
  sources: listOf(printable),
  version: text,
  description: printable,
  keywords: listOf(printable),
  maintainers: listOf((value) => fieldsOf(value, maintainerFields)),
  icon: printable,
  apiVersion: text,
  condition: printable,
  tags: printable,
  appVersion: printable,
  deprecated: flag,
  annotations: textsByName,
  kubeVersion: printable,
  dependencies: listOf(dependency),
  type: text,
};

/** A value that has another form than Helm gives it. */
class WrongForm extends Error {}

/** Helm's fields out of the JSON that was kept of a chart, in Helm's order. */
export function helmFields(stored: YamlMapping): ChartMetadata {
  const names = Object.keys(metadataFields).filter((name) => stored[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, stored[name]]));
}

export interface ReadMetadata {
  readonly metadata: ChartMetadata;
  /** What Chart.yaml has beyond Helm's fields. */
  readonly others: YamlMapping;
  /** Sentences on what makes Helm refuse the chart. */
  readonly problems: readonly string[];
}

/**
 * What Chart.yaml says, in Helm's own forms. A field of another form is left out: in the index of a
 * repository it would keep Helm from reading any chart there.
 */
export function readMetadata(chartYaml: YamlMapping): ReadMetadata {
  // Charts of Helm 2 may leave the version of their form out.
  const raw: YamlMapping = { ...chartYaml, apiVersion: chartYaml.apiVersion ?? 'v1' };
  const problems: string[] = [];
  const metadata: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(metadataFields)) {
    try {
      const value = raw[name] === undefined || raw[name] === null ? undefined : read(raw[name]);
      if (!isEmpty(value)) metadata[name] = value;
    } catch (error) {
      if (!(error instanceof WrongForm)) throw error;
      problems.push(`Chart.yaml: ${name} ${error.message}.`);
    }
  }
  const others = Object.fromEntries(
    Object.entries(raw).filter(([name]) => !Object.hasOwn(metadataFields, name)),
  );
  return { metadata, others, problems: [...problems, ...missing(metadata)] };
}

const maximumNameLength = 250;

function missing(metadata: ChartMetadata): string[] {
  const problems: string[] = [];
  const { name, version, type } = metadata;
  if (name === undefined) problems.push('Chart.yaml has no name.');
  else if (!isChartName(name)) {
    problems.push(
      'Chart.yaml: name must be letters, digits, dots, dashes and underscores, and begin with none of the latter.',
    );
  }
  if (version === undefined) problems.push('Chart.yaml has no version.');
  else if (parseVersion(version) === undefined) {
    problems.push('Chart.yaml: version is no semantic version such as 1.2.3.');
  }
  if (type !== undefined && type !== 'application' && type !== 'library') {
    problems.push('Chart.yaml: type is neither application nor library.');
  }
  return problems;
}

export function isChartName(name: string): boolean {
  return name.length <= maximumNameLength && /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(name);
}

/** As Helm: numbers and truth values become texts where a text belongs. */
function text(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.toWellFormed();
    case 'number':
    case 'boolean':
      return String(value);
    default:
      throw new WrongForm('is no text');
  }
}

/** As Helm sanitises what it shows: white space becomes spaces, what cannot be printed goes. */
function printable(value: unknown): string {
  return text(value)
    .replaceAll(/\s/gu, ' ')
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '');
}

function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new WrongForm('is neither true nor false');
}

function listOf(read: Reader): Reader {
  return (value) => {
    if (!Array.isArray(value)) throw new WrongForm('is no list');
    return value.map((item) => {
      if (item === null) throw new WrongForm('has an empty item');
      return read(item);
    });
  };
}

function textsByName(value: unknown): Record<string, string> {
  if (!isMapping(value)) throw new WrongForm('is no mapping');
  const entries = Object.entries(value).map(([name, item]): [string, string] => [
    name.toWellFormed(),
    item === null ? '' : text(item),
  ]);
  return Object.fromEntries(entries);
}

function fieldsOf(value: unknown, fields: Readonly<Record<string, Reader>>) {
  if (!isMapping(value)) throw new WrongForm('has an item that is no mapping');
  const read: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(fields)) {
    const field = value[name];
    const result = field === undefined || field === null ? undefined : reader(field);
    if (!isEmpty(result)) read[name] = result;
  }
  return read;
}

/** Helm writes the name and the repository of a dependency even where they are empty. */
function dependency(value: unknown) {
  const { name = '', version, repository = '', ...others } = fieldsOf(value, dependencyFields);
  return { name, ...(version !== undefined && { version }), repository, ...others };
}

function isMapping(value: unknown): value is YamlMapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMapping(value) && Object.keys(value).length === 0;
}
