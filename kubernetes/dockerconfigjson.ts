/** The two types of Secret that a kubelet takes credentials from. */
export type PullSecretType = 'kubernetes.io/dockerconfigjson' | 'kubernetes.io/dockercfg';

/** One entry of a Secret: what `docker login` wrote for one registry. */
export interface RegistryCredential {
  /** As written: `host`, `host:port`, `host/path` or a URL. */
  readonly key: string;
  readonly username: string;
  readonly password: string;
}

export type PullSecretProblemCode =
  | 'wrong-type'
  | 'missing-key'
  | 'too-large'
  | 'not-base64'
  | 'not-json'
  | 'no-auths'
  | 'credential-helper'
  | 'bad-auth'
  | 'no-credentials';

/** Why a kubelet finds no credentials in a Secret, and what mends it. */
export interface PullSecretProblem {
  readonly code: PullSecretProblemCode;
  readonly message: string;
  readonly cure: string;
}

/** A Secret of the Kubernetes API, as far as it matters here. */
export interface SecretObject {
  readonly type?: string | undefined;
  /** Values are base64, as the API answers. */
  readonly data?: Readonly<Record<string, string>> | undefined;
}

export type PullSecretReading =
  | { readonly ok: true; readonly credentials: readonly RegistryCredential[] }
  | { readonly ok: false; readonly problem: PullSecretProblem };

/** The key of `data` that belongs to each type. */
export const pullSecretKeys: Readonly<Record<PullSecretType, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
};

/** Of a Secret, as the API server holds it to. */
const maximumSecretSize = 1024 * 1024;

const recreate =
  'delete the Secret and create it again with `berth secret create`, or with ' +
  '`kubectl create secret docker-registry`';

function failed(code: PullSecretProblemCode, message: string, cure: string): PullSecretReading {
  return { ok: false, problem: { code, message, cure } };
}

/** Reads a Secret as a kubelet does: one entry that cannot be read spoils them all. */
export function readPullSecret(secret: SecretObject): PullSecretReading {
  const type = secret.type ?? 'Opaque';
  if (!isPullSecretType(type)) {
    return failed(
      'wrong-type',
      `The Secret has the type ${JSON.stringify(type.slice(0, 80))}: a kubelet reads only kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg.`,
      `The type of a Secret cannot be changed: ${recreate}.`,
    );
  }
  const key = pullSecretKeys[type];
  const value = secret.data?.[key];
  if (value === undefined) {
    const found = Object.keys(secret.data ?? {}).slice(0, 5);
    const holds =
      found.length === 0 ? 'is empty' : `holds ${found.map((name) => `"${name}"`).join(', ')}`;
    return failed(
      'missing-key',
      `A Secret of the type ${type} keeps its credentials under "${key}"; this one ${holds}.`,
      `Store the file under "${key}": ${recreate}.`,
    );
  }
  if (value.length > (maximumSecretSize / 3) * 4 + 4) {
    return failed(
      'too-large',
      'The Secret is larger than 1 MiB.',
      'Keep only the registries that the cluster pulls from.',
    );
  }
  const text = decodeBase64(value);
  if (text === undefined) {
    return failed(
      'not-base64',
      `The value of "${key}" is not base64.`,
      `In YAML, put plain text under stringData, or encode it with \`base64 -w0\`; or ${recreate}.`,
    );
  }
  return readDockerConfig(text, type);
}

function isPullSecretType(type: string): type is PullSecretType {
  return type === 'kubernetes.io/dockerconfigjson' || type === 'kubernetes.io/dockercfg';
}

/** Reads the file itself: `config.json` of Docker, or the older `.dockercfg`. */
export function readDockerConfig(
  text: string,
  type: PullSecretType = 'kubernetes.io/dockerconfigjson',
): PullSecretReading {
  const key = pullSecretKeys[type];
  const document = parseJson(text);
  if (!isRecord(document)) {
    const twice = decodeBase64(text.trim());
    const encodedTwice = twice !== undefined && isRecord(parseJson(twice));
    return failed(
      'not-json',
      encodedTwice
        ? `The value of "${key}" was encoded as base64 twice.`
        : `The value of "${key}" is no JSON object.`,
      `It must be the content of ~/.docker/config.json: ${recreate}.`,
    );
  }
  const auths = type === 'kubernetes.io/dockercfg' ? document : document.auths;
  if (auths === undefined) {
    if ('credsStore' in document || 'credHelpers' in document) return usesHelper();
    return failed(
      'no-auths',
      `The JSON under "${key}" has no "auths", the only part that a kubelet reads.`,
      `It must read {"auths":{"HOST":{"auth":"…"}}}: ${recreate}.`,
    );
  }
  if (!isRecord(auths)) {
    return failed(
      'no-auths',
      `"auths" under "${key}" is no JSON object.`,
      `It must read {"auths":{"HOST":{"auth":"…"}}}: ${recreate}.`,
    );
  }
  return readEntries(auths, 'credsStore' in document || 'credHelpers' in document);
}

function usesHelper(): PullSecretReading {
  return failed(
    'credential-helper',
    'The file names a credential helper (credsStore or credHelpers) and holds no password itself; a kubelet runs no helper.',
    `Make the Secret without that file: ${recreate}.`,
  );
}

function readEntries(auths: Record<string, unknown>, hasHelper: boolean): PullSecretReading {
  const credentials: RegistryCredential[] = [];
  for (const [key, entry] of Object.entries(auths)) {
    const credential = readEntry(key, entry);
    if (credential === undefined) {
      return failed(
        'bad-auth',
        `The entry ${JSON.stringify(key.slice(0, 256))} cannot be read, so that a kubelet drops the whole Secret.`,
        `"auth" must be base64 of USER:PASSWORD: ${recreate}.`,
      );
    }
    credentials.push(credential);
  }
  if (credentials.some((credential) => credential.username !== '' || credential.password !== '')) {
    return { ok: true, credentials };
  }
  if (hasHelper) return usesHelper();
  return failed(
    'no-credentials',
    'The Secret names no registry with a user and a password.',
    `Add one: ${recreate}.`,
  );
}

/** As kubelet: "auth" outweighs "username" and "password"; undefined where it fails. */
function readEntry(key: string, entry: unknown): RegistryCredential | undefined {
  if (!isRecord(entry)) return undefined;
  const { auth = '', username = '', password = '' } = entry;
  if (typeof auth !== 'string' || typeof username !== 'string' || typeof password !== 'string') {
    return undefined;
  }
  if (auth === '') return { key, username, password };
  const decoded = decodeBase64(auth);
  const colon = decoded?.indexOf(':') ?? -1;
  if (decoded === undefined || colon < 0) return undefined;
  return { key, username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** The content of a `.dockerconfigjson` for one registry, as `docker login` writes it. */
export function dockerConfigJson(credential: RegistryCredential): string {
  const { key, username, password } = credential;
  const auth = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
  return JSON.stringify({ auths: { [key]: { username, password, auth } } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's StdEncoding and RawStdEncoding: line breaks are skipped, padding may be left out. */
function decodeBase64(text: string): string | undefined {
  const compact = text.replace(/[\r\n]/g, '');
  const body = compact.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(body) || body.length % 4 === 1) return undefined;
  if (compact.length !== body.length && compact.length % 4 !== 0) return undefined;
  return Buffer.from(body, 'base64').toString('utf8');
}
