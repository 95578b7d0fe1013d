import { algorithmOf, type Digest, digestOf, isDigest } from '../digest.ts';
import { maximumManifestBytes } from '../manifest.ts';
import { manifestMediaTypes } from '../media-types.ts';
import { RegistryFailure } from './errors.ts';
import type { Session } from './session.ts';
import type { Answer } from './transport.ts';

export interface FetchedManifest {
  readonly bytes: Uint8Array;
  /** The Content-Type as it came. */
  readonly mediaType: string;
  /** Of the bytes that came. */
  readonly digest: Digest;
}

export interface ManifestHead {
  readonly mediaType: string;
  readonly size: number;
  /** Registries before distribution specification 1.1 may leave it out. */
  readonly digest?: Digest;
}

export interface PushedManifest {
  readonly digest: Digest;
  /** From `OCI-Subject`: the registry lists the manifest among its subject's referrers. */
  readonly subject?: Digest;
}

const accept = { accept: manifestMediaTypes.join(', ') };

function urlOf(session: Session, repository: string, reference: string): URL {
  return new URL(`/v2/${repository}/manifests/${reference}`, session.registry);
}

export async function getManifest(
  session: Session,
  repository: string,
  reference: string,
): Promise<FetchedManifest> {
  const { answer, bytes } = await session.read(
    {
      method: 'GET',
      url: urlOf(session, repository, reference),
      headers: accept,
      scopes: [`repository:${repository}:pull`],
      accept: [200],
    },
    maximumManifestBytes,
  );
  const promised = isDigest(reference) ? reference : digestHeader(answer);
  const digest = digestOf(promised === undefined ? 'sha256' : algorithmOf(promised), bytes);
  if (promised !== undefined && digest !== promised) {
    throw new RegistryFailure(
      'answer-invalid',
      `${session.registry.host} answered with bytes whose digest is ${digest}, not ${promised}.`,
    );
  }
  return { bytes, mediaType: answer.headers['content-type'] ?? '', digest };
}

/** Undefined when there is no such manifest, or none that the caller may see. */
export async function headManifest(
  session: Session,
  repository: string,
  reference: string,
): Promise<ManifestHead | undefined> {
  const { answer } = await session.read(
    {
      method: 'HEAD',
      url: urlOf(session, repository, reference),
      headers: accept,
      scopes: [`repository:${repository}:pull`],
      accept: [200, 404],
    },
    0,
  );
  if (answer.statusCode === 404) return undefined;
  const digest = digestHeader(answer);
  return {
    mediaType: answer.headers['content-type'] ?? '',
    size: Number(answer.headers['content-length'] ?? 0),
    ...(digest === undefined ? {} : { digest }),
  };
}

export async function putManifest(
  session: Session,
  repository: string,
  reference: string,
  manifest: { readonly bytes: Uint8Array; readonly mediaType: string },
): Promise<PushedManifest> {
  const { answer } = await session.read(
    {
      method: 'PUT',
      url: urlOf(session, repository, reference),
      headers: { 'content-type': manifest.mediaType },
      body: manifest.bytes,
      scopes: [`repository:${repository}:pull,push`],
      accept: [201],
    },
    maximumManifestBytes,
  );
  const { 'oci-subject': subject } = answer.headers;
  return {
    digest: digestHeader(answer) ?? digestOf('sha256', manifest.bytes),
    ...(typeof subject === 'string' && isDigest(subject) ? { subject } : {}),
  };
}

/** By tag: the tag alone goes. By digest: the manifest and its tags. */
export async function deleteManifest(
  session: Session,
  repository: string,
  reference: string,
): Promise<void> {
  await session.read(
    {
      method: 'DELETE',
      url: urlOf(session, repository, reference),
      scopes: [`repository:${repository}:delete`],
      accept: [202],
    },
    maximumManifestBytes,
  );
}

function digestHeader(answer: Answer): Digest | undefined {
  const value = answer.headers['docker-content-digest'];
  return typeof value === 'string' && isDigest(value) ? value : undefined;
}
