import { type ArchiveContent, readArchive } from './archive.ts';
import { isReadme, isTemplate } from './archive-paths.ts';
import { parseYamlMapping, type YamlMapping } from './bounded-yaml.ts';
import { UnreadableChart } from './errors.ts';
import { type ChartMetadata, isChartName, readMetadata } from './metadata.ts';
import { parseVersion } from './versions.ts';

export interface ChartFile {
  /** Below the chart's folder. */
  readonly path: string;
  readonly text: string;
}

/** What a packaged chart holds, as far as people look at it. */
export interface ChartContent {
  /** Fit to be served: undefined where Helm would refuse it. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly metadata: ChartMetadata;
  /** What Chart.yaml has beyond Helm's fields. */
  readonly others: YamlMapping;
  readonly readme: string | undefined;
  /** As written, comments included. */
  readonly values: string | undefined;
  readonly schema: string | undefined;
  /** Templates, custom resource definitions, and the lock file of the dependencies. */
  readonly files: readonly ChartFile[];
  /** Sentences on what makes Helm refuse the chart. */
  readonly problems: readonly string[];
  /** Sentences on what was left out. */
  readonly notes: readonly string[];
}

/**
 * Reads a packaged chart.
 * @throws {UnreadableChart} when nothing of it can be read; errors of `source` pass as they are
 */
export async function readChart(source: AsyncIterable<Uint8Array>): Promise<ChartContent> {
  const { files, notes } = await readArchive(source);
  const chartYaml = files.get('Chart.yaml');
  if (chartYaml === undefined) throw new UnreadableChart(withoutChartYaml(notes));
  const { metadata, others, problems } = readMetadata({
    ...parseYamlMapping(chartYaml, 'Chart.yaml'),
    ...requirements(files),
  });
  const { name, version } = metadata;
  return {
    name: name !== undefined && isChartName(name) ? name : undefined,
    version: version !== undefined && parseVersion(version) !== undefined ? version : undefined,
    metadata,
    others,
    readme: readmeOf(files),
    values: files.get('values.yaml'),
    schema: files.get('values.schema.json'),
    files: shownFiles(files),
    problems,
    notes,
  };
}

function withoutChartYaml(notes: readonly string[]): string {
  return ['The chart archive has no Chart.yaml in its folder.', ...notes].join(' ');
}

/** Charts of `apiVersion: v1` name what they depend on in a file of its own. */
function requirements(files: ArchiveContent['files']): YamlMapping {
  const text = files.get('requirements.yaml');
  if (text === undefined || text.trim() === '') return {};
  const { dependencies } = parseYamlMapping(text, 'requirements.yaml');
  return dependencies === undefined ? {} : { dependencies };
}

function readmeOf(files: ArchiveContent['files']): string | undefined {
  const names = [...files.keys()].filter(isReadme).sort();
  const name = names.find((path) => path.toLowerCase().endsWith('.md')) ?? names[0];
  return name === undefined ? undefined : files.get(name);
}

function shownFiles(files: ArchiveContent['files']): ChartFile[] {
  const lock = files.get('Chart.lock') ?? files.get('requirements.lock');
  return [
    ...(lock === undefined ? [] : [{ path: 'Chart.lock', text: lock }]),
    ...[...files].filter(([path]) => isTemplate(path)).map(([path, text]) => ({ path, text })),
  ].sort((one, other) => (one.path < other.path ? -1 : 1));
}
