/*
 * The grammars of every name on the wire. Each expression is anchored and deterministic: where it
 * repeats, the next character alone decides which way to go, so that matching takes linear time.
 * Lengths are checked before an expression runs.
 */

/** The project that the server itself owns and fills. */
export const reservedProject = 'berth';
/** Of the agent's image, in every registry of Berth. */
export const agentRepository = `${reservedProject}/agent`;

/** Of the whole repository name, in bytes (every character of the grammar is one byte). */
const maximumRepositoryNameLength = 255;
export const maximumNameLength = 255;
export const maximumTagLength = 128;

/** Projects and robots, as JSON Schema takes it. */
const projectNamePattern = '^[a-z0-9]+(?:[._-][a-z0-9]+)*$';
/** Distribution specification, section "Pulling manifests". */
const repositoryNamePattern =
  '^[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*)*$';
/** Distribution specification, section "Pulling manifests". */
const tagNamePattern = '^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$';
const accessTokenNamePattern = '^[a-zA-Z0-9]+(?:[ ._-][a-zA-Z0-9]+)*$';

const projectNameExpression = new RegExp(projectNamePattern);
const repositoryNameExpression = new RegExp(repositoryNamePattern);
const tagNameExpression = new RegExp(tagNamePattern);
const accessTokenNameExpression = new RegExp(accessTokenNamePattern);

/** What each grammar asks for, to be put after "must" in a refusal. */
export const nameRules = {
  project:
    'be 1 to 255 lower-case letters and digits, with single dots, dashes or underscores between them',
  repository:
    'be lower-case letters and digits, with dots, dashes or underscores between them, in segments divided by "/", at most 255 characters in all',
  tag: 'be 1 to 128 letters, digits, underscores, dots and dashes, and not begin with a dot or a dash',
  user: 'be 1 to 255 characters without spaces at the ends, control characters or any of , " ~ # % $ + : /',
  robot:
    'be 1 to 255 lower-case letters and digits, with single dots, dashes or underscores between them',
  accessToken:
    'be 1 to 255 letters and digits, with single spaces, dots, dashes or underscores between them',
  cluster: 'be a DNS label: 1 to 63 lower-case letters, digits and dashes, no dash at the ends',
  workload:
    'read cluster/namespace/serviceaccount, each in the form that Kubernetes asks for; the namespace and the service account may be "*"',
} as const;

function fits(text: string, maximum: number): boolean {
  return text.length > 0 && text.length <= maximum;
}

/** True for `reservedProject` too: who may create it is not a matter of grammar. */
export function isProjectName(text: string): boolean {
  return fits(text, maximumNameLength) && projectNameExpression.test(text);
}

export function isRepositoryName(text: string): boolean {
  return fits(text, maximumRepositoryNameLength) && repositoryNameExpression.test(text);
}

export interface RepositoryPath {
  readonly project: string;
  /** What follows the project: at least one segment. */
  readonly path: string;
}

/**
 * The project of a repository and what follows it; undefined when `name` is no repository name or
 * has a single segment, for repositories live in projects.
 */
export function splitRepositoryName(name: string): RepositoryPath | undefined {
  const slash = name.indexOf('/');
  if (slash < 0 || !isRepositoryName(name)) return undefined;
  return { project: name.slice(0, slash), path: name.slice(slash + 1) };
}

export function isTagName(text: string): boolean {
  return fits(text, maximumTagLength) && tagNameExpression.test(text);
}

export function isUserName(text: string): boolean {
  return (
    fits(text, maximumNameLength) &&
    text.isWellFormed() &&
    text.trim() === text &&
    !/[\p{Cc},"~#%$+:/]/u.test(text)
  );
}

/** The name of a robot without its prefix and its project. */
export function isRobotName(text: string): boolean {
  return fits(text, maximumNameLength) && projectNameExpression.test(text);
}

export function isAccessTokenName(text: string): boolean {
  return fits(text, maximumNameLength) && accessTokenNameExpression.test(text);
}

/** RFC 1123 label, as Kubernetes asks of namespaces. */
export function isDnsLabel(text: string): boolean {
  return fits(text, 63) && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** RFC 1123 subdomain, as Kubernetes asks of service accounts. */
export function isDnsSubdomain(text: string): boolean {
  return fits(text, 253) && text.split('.').every(isDnsLabel);
}

/** The name under which a Kubernetes cluster is connected. */
export function isClusterName(text: string): boolean {
  return isDnsLabel(text);
}

/** The workloads of a Kubernetes cluster that share a namespace or a service account. */
export interface WorkloadPattern {
  readonly cluster: string;
  /** `*`: any. */
  readonly namespace: string;
  /** `*`: any. */
  readonly serviceAccount: string;
}

/** Undefined when `text` is not `cluster/namespace/serviceaccount`. */
export function parseWorkloadPattern(text: string): WorkloadPattern | undefined {
  if (!fits(text, 63 + 63 + 253 + 2)) return undefined;
  const [cluster, namespace, serviceAccount, ...rest] = text.split('/');
  if (cluster === undefined || namespace === undefined || serviceAccount === undefined) {
    return undefined;
  }
  if (rest.length > 0 || !isClusterName(cluster)) return undefined;
  if (namespace !== '*' && !isDnsLabel(namespace)) return undefined;
  if (serviceAccount !== '*' && !isDnsSubdomain(serviceAccount)) return undefined;
  return { cluster, namespace, serviceAccount };
}

export function isWorkloadPattern(text: string): boolean {
  return parseWorkloadPattern(text) !== undefined;
}
