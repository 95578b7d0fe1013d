import { type Document, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { providerName } from './script.ts';

/*
 * The kubelet's CredentialProviderConfig, which it reads once, when it starts; what it does not
 * accept ends it. Other providers may stand in the same file.
 */

const apiVersion = 'kubelet.config.k8s.io/v1';
const kind = 'CredentialProviderConfig';
const maximumCharacters = 256 * 1024;

/** A configuration that cannot be merged with. The message says why, and what to do. */
export class UnreadableProviderConfig extends Error {
  constructor(reason: string) {
    super(
      `The kubelet's credential provider configuration ${reason}: correct it, or remove it from the kubelet's flags.`,
    );
    this.name = 'UnreadableProviderConfig';
  }
}

type Value = Record<string, unknown>;

/**
 * The entry for one registry. Without a service account (static pods) the provider is not run, so
 * that such pods pull what is public.
 * @param registry as image names begin: `host[:port]`; the port must be that of the images
 */
export function providerEntry(registry: string): Value {
  return {
    name: providerName,
    // No path: it is compared literally, and "/*" would match nothing.
    matchImages: [registry],
    defaultCacheDuration: '0s',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    tokenAttributes: {
      serviceAccountTokenAudience: registry,
      // The password is the token itself: the kubelet refuses any other type.
      cacheType: 'Token',
      requireServiceAccount: true,
    },
  };
}

/** A configuration with no other provider. */
export function providerConfig(registry: string): string {
  return `${JSON.stringify({ apiVersion, kind, providers: [providerEntry(registry)] }, null, 2)}\n`;
}

/**
 * `existing`, YAML or JSON, with the entry for `registry` in it; itself where the entry is there.
 * Everything else stays as it is written, but for an `apiVersion` that knows no tokens.
 * @throws {UnreadableProviderConfig}
 */
export function mergeProviderConfig(existing: string, registry: string): string {
  const { document, value, providers } = read(existing);
  const entry = providerEntry(registry);
  const place = providers.findIndex(isOurs);
  const others = providers.filter((provider) => !isOurs(provider));
  const wanted = {
    ...value,
    apiVersion,
    providers: others.toSpliced(place < 0 ? others.length : place, 0, entry),
  };
  if (isSame(wanted, value)) return existing;
  const indent = indentOfJson(existing);
  if (indent !== undefined) return `${JSON.stringify(wanted, null, indent)}\n`;
  const spliced = splice(existing, document, entry);
  return spliced !== undefined && isSame(tryRead(spliced), wanted)
    ? spliced
    : rewritten(document, wanted.providers, entry);
}

function isOurs(provider: unknown): boolean {
  return typeof provider === 'object' && provider !== null && 'name' in provider
    ? provider.name === providerName
    : false;
}

interface ProviderConfig {
  readonly document: Document;
  readonly value: Value;
  readonly providers: Value[];
}

function read(text: string): ProviderConfig {
  if (text.length > maximumCharacters) throw new UnreadableProviderConfig('is too large');
  const documents = parseAllDocuments(text, { keepSourceTokens: true, logLevel: 'silent' });
  const [document, another] = Array.isArray(documents) ? documents : [];
  if (document === undefined) throw new UnreadableProviderConfig('is empty');
  if (another !== undefined) throw new UnreadableProviderConfig('holds more than one document');
  const [error] = document.errors;
  if (error !== undefined) {
    throw new UnreadableProviderConfig(`is no valid YAML (${firstLine(error.message)})`);
  }
  const value = plainValue(document);
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== kind) {
    throw new UnreadableProviderConfig(`is none: its kind is not ${kind}`);
  }
  const providers = 'providers' in value ? (value.providers ?? []) : [];
  if (!Array.isArray(providers)) {
    throw new UnreadableProviderConfig('has providers that are no list');
  }
  return { document, value: value as Value, providers };
}

function plainValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    throw new UnreadableProviderConfig(`cannot be read (${firstLine(String(error))})`);
  }
}

function tryRead(text: string): unknown {
  try {
    return read(text).value;
  } catch {
    return undefined;
  }
}

/** Undefined for what is no JSON. */
function indentOfJson(text: string): number | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const [, indentation] = /^\s*\{\n( +)/.exec(text) ?? [];
  return indentation?.length ?? 0;
}

/**
 * The text with lines taken out and put in, where providers are a block sequence. Whether the
 * outcome is right is for the caller to check.
 */
function splice(text: string, document: Document, entry: Value): string | undefined {
  const { contents } = document;
  if (!isMap(contents)) return undefined;
  const sequence = contents.get('providers', true);
  if (!isSeq(sequence) || sequence.flow || sequence.srcToken?.type !== 'block-seq')
    return undefined;
  const lines = new LineCounter();
  parseAllDocuments(text, { lineCounter: lines });
  const edits: { readonly start: number; readonly end: number; readonly put: string }[] = [];

  const items = sequence.srcToken.items.map((item, index) => {
    const dash = item.start.find(({ type }) => type === 'seq-item-ind')?.offset ?? 0;
    const node = sequence.items[index];
    const ranged = isMap(node) || isScalar(node) ? node.range?.[1] : undefined;
    return { dash, end: endOfLine(text, text.slice(0, ranged ?? dash).trimEnd().length) };
  });
  const column = (lines.linePos(items[0]?.dash ?? 0).col ?? 1) - 1;
  const pad = ' '.repeat(column);
  const values = document.toJS().providers as unknown[];
  const put = `${pad}- ${blockOf(entry, `${pad}  `)}`;
  const place = values.findIndex(isOurs);
  const item = items[place];
  if (item === undefined) {
    const end = items.at(-1)?.end ?? 0;
    edits.push({ start: end, end, put: `${text[end - 1] === '\n' ? '' : '\n'}${put}` });
  } else {
    edits.push({ start: item.dash - column, end: item.end, put });
  }

  const version = contents.get('apiVersion', true);
  if (isScalar(version) && version.value !== apiVersion && version.range) {
    const [start, end] = version.range;
    edits.push({ start, end, put: apiVersion });
  }
  let spliced = text;
  for (const edit of edits.toSorted((one, other) => other.start - one.start)) {
    spliced = spliced.slice(0, edit.start) + edit.put + spliced.slice(edit.end);
  }
  return spliced;
}

/** A mapping as the lines that follow a dash. Every value is JSON, which is YAML. */
function blockOf(entry: Value, pad: string): string {
  return `${Object.entries(entry)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join(pad)}`;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

/** Keeps comments, though not the way everything is written. */
function rewritten(document: Document, providers: readonly Value[], entry: Value): string {
  const copy = document.clone();
  copy.set('apiVersion', apiVersion);
  const { contents } = copy;
  const sequence = isMap(contents) ? contents.get('providers', true) : undefined;
  if (!isSeq(sequence)) {
    copy.set('providers', copy.createNode(providers));
    return copy.toString();
  }
  sequence.items = sequence.items.filter(
    (item) => !(isMap(item) && item.get('name') === providerName),
  );
  sequence.items.splice(providers.indexOf(entry), 0, copy.createNode(entry));
  return copy.toString();
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, sorted(inner)] as const)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 200);
}
