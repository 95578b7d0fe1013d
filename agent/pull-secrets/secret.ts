import { createHash } from 'node:crypto';
import type { NamespaceCredential } from '#contract/agent.ts';
import type { Secret } from '#kubernetes/api/index.ts';
import { dockerConfigJson, pullSecretKeys, readPullSecret } from '#kubernetes/dockerconfigjson.ts';
import { ourLabels, pullSecretName } from '#kubernetes/manifests/names.ts';

const type = 'kubernetes.io/dockerconfigjson';
const key = pullSecretKeys[type];

const annotations = {
  cluster: 'berth/cluster',
  generation: 'berth/generation',
  renewAt: 'berth/renew-at',
  /** Of the content that was placed: an edit shows, although nobody remembers what it was. */
  digest: 'berth/content-sha256',
} as const;

/** For whom and for which registry a Secret is. */
export interface PullSecretPurpose {
  readonly cluster: string;
  /** As image names begin: `host[:port]`. */
  readonly registry: string;
}

const longestMark = 256;

/** A Secret named `berth-pull`, as far as decisions need it. */
export interface PullSecretView {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly terminating: boolean;
  readonly owner: 'ours' | 'other';
  /** What must be done before pods can use it; `replace` where it cannot be mended in place. */
  readonly content: 'sound' | 'mend' | 'replace';
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
  /** Of a sound one. */
  readonly password: string;
}

export interface KeptSecret {
  readonly metadata: Partial<
    Record<'namespace' | 'uid' | 'resourceVersion' | 'deletionTimestamp', string | undefined>
  > & {
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
  };
  readonly type?: string | undefined;
  readonly immutable?: boolean | undefined;
  readonly data?: Readonly<Record<string, string>> | undefined;
}

/** One mark of ours is enough: whoever removes all of them takes the Secret over. */
export function isOurs({ metadata }: KeptSecret): boolean {
  return (
    metadata.labels?.['app.kubernetes.io/managed-by'] === 'berth' ||
    metadata.annotations?.[annotations.generation] !== undefined
  );
}

/** Far more than a credential needs: whoever may write Secrets must not fill the agent's memory. */
const mostContent = 16 * 1024;

/** What `viewPullSecret` reads: of somebody else's Secret nothing but that it is there. */
export function keepPullSecret(secret: Secret): KeptSecret {
  const { namespace, uid, resourceVersion, deletionTimestamp } = secret.metadata;
  const metadata = { namespace, uid, resourceVersion, deletionTimestamp };
  if (!isOurs(secret)) return { metadata };
  const { labels: marks, annotations: notes } = secret.metadata;
  const { type: kind, immutable, data } = secret;
  const content = data?.[key];
  return {
    metadata: {
      ...metadata,
      labels: only(Object.keys(ourLabels), marks),
      annotations: only(Object.values(annotations), notes),
    },
    type: kind,
    immutable,
    data: content !== undefined && content.length <= mostContent ? { [key]: content } : {},
  };
}

function only(
  names: readonly string[],
  values: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([name, value]) => names.includes(name) && value.length <= longestMark,
    ),
  );
}

export function viewPullSecret(secret: KeptSecret, purpose: PullSecretPurpose): PullSecretView {
  const { metadata } = secret;
  const owner = isOurs(secret) ? 'ours' : 'other';
  const password = owner === 'ours' ? soundPassword(secret, purpose) : undefined;
  const fixed = secret.immutable === true || secret.type !== type;
  return {
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    terminating: metadata.deletionTimestamp !== undefined,
    owner,
    content: password !== undefined ? 'sound' : fixed ? 'replace' : 'mend',
    generation: wholeNumber(metadata.annotations?.[annotations.generation]),
    renewAt: Date.parse(metadata.annotations?.[annotations.renewAt] ?? '') || 0,
    password: password ?? '',
  };
}

function soundPassword(secret: KeptSecret, { cluster, registry }: PullSecretPurpose) {
  const { metadata, data } = secret;
  const marked = Object.entries(ourLabels).every(
    ([name, value]) => metadata.labels?.[name] === value,
  );
  const kept =
    metadata.annotations?.[annotations.digest] === digestOf(data?.[key] ?? '') &&
    metadata.annotations[annotations.cluster] === cluster;
  if (!marked || !kept || wholeNumber(metadata.annotations?.[annotations.generation]) === 0) {
    return undefined;
  }
  const reading = readPullSecret(secret);
  if (!reading.ok) return undefined;
  const [credential, ...others] = reading.credentials;
  return others.length === 0 && credential?.key === registry ? credential.password : undefined;
}

function wholeNumber(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** To be applied by a server-side apply, which makes the Secret or mends it in place. */
export function renderPullSecret(
  namespace: string,
  credential: NamespaceCredential,
  { cluster, registry }: PullSecretPurpose,
  uid: string | undefined,
): Secret {
  const { username, secret: password } = credential;
  const content = Buffer.from(dockerConfigJson({ key: registry, username, password })).toString(
    'base64',
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: pullSecretName,
      namespace,
      // Another object that took the place of ours has another uid: the apply then fails.
      ...(uid !== undefined && { uid }),
      labels: ourLabels,
      annotations: {
        [annotations.cluster]: cluster,
        [annotations.generation]: String(credential.generation),
        [annotations.renewAt]: new Date(credential.renewAt).toISOString(),
        [annotations.digest]: digestOf(content),
      },
    },
    type,
    data: { [key]: content },
  };
}

function digestOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
