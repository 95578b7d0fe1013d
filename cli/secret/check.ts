import {
  type PullSecretReading,
  type RegistryCredential,
  readPullSecret,
  type SecretObject,
} from '#kubernetes/dockerconfigjson.ts';
import { credentialsForImage, explainMismatch } from '#kubernetes/image-matching.ts';
import { createRegistryClient, RegistryFailure } from '#oci/client.ts';
import type { ImageReference } from '#oci/reference.ts';
import { type ImageUse, readImage } from './images.ts';

/** One thing that must hold for pods to pull with a Secret. */
export interface Check {
  readonly check: 'secret' | 'content' | 'use' | 'image' | 'host' | 'sign-in' | 'pull';
  /** What was checked: the Secret, a registry, an image. */
  readonly subject: string;
  /** `note`: nothing is wrong, but something is to be known. */
  readonly result: 'ok' | 'failed' | 'note';
  readonly message: string;
  /** What mends it. */
  readonly cure?: string;
}

export interface CheckOptions {
  readonly secretName: string;
  readonly namespace: string;
  /** Undefined: there is no such Secret. */
  readonly secret: SecretObject | undefined;
  readonly images: readonly ImageUse[];
  /** PEM of the authority of a registry, where this machine knows one. */
  readonly authorityOf: (registry: string) => string | undefined;
}

const idleTimeout = 15_000;

/** Goes the way of a pull, and tells of each step whether it holds and what mends it. */
export async function checkSecret(options: CheckOptions): Promise<Check[]> {
  const { secretName, namespace, secret, images } = options;
  const subject = `Secret ${secretName}`;
  if (secret === undefined) {
    return [
      {
        check: 'secret',
        subject,
        result: 'failed',
        message: `There is no Secret ${secretName} in the namespace ${namespace}; Secrets of other namespaces do not count.`,
        cure: `berth secret create ${secretName} --namespace ${namespace}`,
      },
    ];
  }
  const reading = readPullSecret(secret);
  const checks: Check[] = [checkContent(subject, reading)];
  if (!reading.ok) return checks;
  if (images.length === 0) checks.push(unused(options));
  const signIns = new SignIns(options.authorityOf);
  for (const use of images)
    checks.push(...(await checkImage(use, reading.credentials, signIns, options)));
  return checks;
}

function checkContent(subject: string, reading: PullSecretReading): Check {
  if (reading.ok) {
    const registries = reading.credentials.map(({ key }) => key).join(', ');
    return {
      check: 'content',
      subject,
      result: 'ok',
      message: `Type, key and JSON are right; it has credentials for ${registries}.`,
    };
  }
  const { message, cure } = reading.problem;
  return { check: 'content', subject, result: 'failed', message, cure };
}

function unused({ secretName, namespace }: CheckOptions): Check {
  return {
    check: 'use',
    subject: `Secret ${secretName}`,
    result: 'note',
    message: `No workload of the namespace ${namespace} uses it.`,
    cure: `Name it in the pod template as imagePullSecrets: [{name: ${secretName}}], or give it to every new pod: kubectl patch serviceaccount default --namespace ${namespace} --patch '{"imagePullSecrets":[{"name":"${secretName}"}]}'`,
  };
}

async function checkImage(
  { image, workloads }: ImageUse,
  credentials: readonly RegistryCredential[],
  signIns: SignIns,
  options: CheckOptions,
): Promise<Check[]> {
  const reference = readImage(image);
  if (reference === undefined) {
    return [
      {
        check: 'image',
        subject: image,
        result: 'failed',
        message: `${workloads.join(', ')} names an image that is none.`,
        cure: 'Write HOST[:PORT]/PROJECT/REPOSITORY[:TAG], in lower case.',
      },
    ];
  }
  const repository = `${reference.registry}/${reference.repository}`;
  const matching = credentialsForImage(credentials, repository);
  if (matching.length === 0) return [noMatch(image, repository, reference, credentials, options)];
  const checks: Check[] = [
    {
      check: 'host',
      subject: image,
      result: 'ok',
      message: `The entry for ${matching.map(({ key }) => key).join(', ')} serves it.`,
    },
  ];
  return [...checks, ...(await signIns.pull(image, reference, matching))];
}

function noMatch(
  image: string,
  repository: string,
  { registry }: ImageReference,
  credentials: readonly RegistryCredential[],
  { secretName, namespace }: CheckOptions,
): Check {
  const reasons = credentials.map(({ key }) => {
    switch (explainMismatch(key, repository)) {
      case 'port':
        return `${key} has another port: ports must be equal, and none is 443`;
      case 'path':
        return `${key} has a path that ${repository} does not begin with`;
      case 'invalid-key':
        return `${key} cannot be read as a host`;
      default:
        return `${key} is another host`;
    }
  });
  return {
    check: 'host',
    subject: image,
    result: 'failed',
    message: `No entry of the Secret is for ${registry}: ${reasons.join('; ')}. The pod pulls without credentials.`,
    cure: `berth secret create ${secretName} --namespace ${namespace} --registry ${registry} --replace`,
  };
}

/** Signs in to each registry once with each credential, and pulls manifests with it. */
class SignIns {
  readonly #authorityOf: CheckOptions['authorityOf'];
  readonly #known = new Map<string, Promise<Check>>();

  constructor(authorityOf: CheckOptions['authorityOf']) {
    this.#authorityOf = authorityOf;
  }

  /** As a kubelet does: every credential that matches, until one works. */
  async pull(
    image: string,
    reference: ImageReference,
    credentials: readonly RegistryCredential[],
  ): Promise<Check[]> {
    const { registry, repository, tag, digest } = reference;
    let checks: Check[] = [];
    for (const credential of credentials) {
      const signIn = await this.#signIn(registry, credential);
      checks = [signIn];
      if (signIn.result !== 'ok') continue;
      const client = this.#clientOf(registry, credential);
      try {
        await client.getManifest(repository, digest ?? tag ?? 'latest');
        const message = `${credential.username} may pull it.`;
        return [signIn, { check: 'pull', subject: image, result: 'ok', message }];
      } catch (error) {
        checks = [signIn, pullFailed(image, credential, error)];
      } finally {
        client.close();
      }
    }
    return checks;
  }

  #signIn(registry: string, credential: RegistryCredential): Promise<Check> {
    const key = JSON.stringify([registry, credential.username, credential.password]);
    const known = this.#known.get(key) ?? this.#trySignIn(registry, credential);
    this.#known.set(key, known);
    return known;
  }

  async #trySignIn(registry: string, credential: RegistryCredential): Promise<Check> {
    const subject = `${credential.username} at ${registry}`;
    const client = this.#clientOf(registry, credential);
    try {
      await client.ping();
      return { check: 'sign-in', subject, result: 'ok', message: 'The sign-in works.' };
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
      return { check: 'sign-in', subject, result: 'failed', ...signInFailed(registry, error) };
    } finally {
      client.close();
    }
  }

  #clientOf(registry: string, { username, password }: RegistryCredential) {
    const authority = this.#authorityOf(registry);
    return createRegistryClient({
      registry,
      protocol: 'https',
      credentials: { username, password },
      idleTimeout,
      ...(authority !== undefined && { certificateAuthorities: authority }),
    });
  }
}

/** The registry's own sentence. */
function sentenceOf({ message }: RegistryFailure): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

function signInFailed(registry: string, error: RegistryFailure) {
  switch (error.reason) {
    case 'unauthorized':
    case 'denied':
      return {
        message: sentenceOf(error),
        cure: 'Put a name and secret that hold into it: berth robot refresh NAME, or berth token create NAME, then berth secret create … --replace.',
      };
    case 'certificate-untrusted':
      return {
        message: `${sentenceOf(error)} Nodes may trust it all the same.`,
        cure: `Let this machine trust it: berth login ${registry}; and each node: sudo berth trust ${registry}.`,
      };
    default:
      return {
        message: sentenceOf(error),
        cure: 'Check that the name and the port are right, and that the server runs and can be reached from here.',
      };
  }
}

function pullFailed(image: string, { username }: RegistryCredential, error: unknown): Check {
  if (!(error instanceof RegistryFailure)) throw error;
  if (error.reason === 'not-found') {
    return {
      check: 'pull',
      subject: image,
      result: 'failed',
      message: `There is no such image: ${sentenceOf(error)}`,
      cure: 'Push it, or correct the name or the tag in the workload.',
    };
  }
  return {
    check: 'pull',
    subject: image,
    result: 'failed',
    message: sentenceOf(error),
    cure: `Give ${username} the right to pull, with the command named above, or use another account.`,
  };
}
