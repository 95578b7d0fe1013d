import type { Content } from '../content.ts';
import { algorithmOf, type Digest, digestOf } from '../digest.ts';
import { RegistryFailure } from './errors.ts';
import { requireHeader, type Session } from './session.ts';
import { type Answer, answerChunks, resolveLocation } from './transport.ts';

/** Bytes, inclusive at both ends; `last` left out: to the end. */
export interface BlobRange {
  readonly first: number;
  readonly last?: number;
}

export interface BlobStream {
  /** Bytes of `content`. */
  readonly size: number;
  /** Not checked against the digest: the reader's to do, since it may read a part. */
  readonly content: AsyncIterable<Uint8Array>;
}

const maximumEmptyAnswerBytes = 65_536;

function urlOf(session: Session, repository: string, digest: Digest): URL {
  return new URL(`/v2/${repository}/blobs/${digest}`, session.registry);
}

/** The size of a blob; undefined when the repository holds none of that digest. */
export async function headBlob(
  session: Session,
  repository: string,
  digest: Digest,
): Promise<number | undefined> {
  const { answer } = await session.read(
    {
      method: 'HEAD',
      url: urlOf(session, repository, digest),
      scopes: [`repository:${repository}:pull`],
      accept: [200, 404],
    },
    0,
  );
  return answer.statusCode === 404 ? undefined : contentLength(answer, session);
}

export async function getBlob(
  session: Session,
  repository: string,
  digest: Digest,
  range?: BlobRange,
): Promise<BlobStream> {
  const answer = await session.send({
    method: 'GET',
    url: urlOf(session, repository, digest),
    headers: range === undefined ? {} : { range: `bytes=${range.first}-${range.last ?? ''}` },
    scopes: [`repository:${repository}:pull`],
    accept: [range === undefined ? 200 : 206],
  });
  return {
    size: contentLength(answer, session),
    content: answerChunks(answer, session.registry.host),
  };
}

/** A whole blob of at most `maximumBytes`, checked against its digest. */
export async function readBlob(
  session: Session,
  repository: string,
  digest: Digest,
  maximumBytes: number,
): Promise<Uint8Array> {
  const { bytes } = await session.read(
    {
      method: 'GET',
      url: urlOf(session, repository, digest),
      scopes: [`repository:${repository}:pull`],
      accept: [200],
    },
    maximumBytes,
  );
  if (digestOf(algorithmOf(digest), bytes) === digest) return bytes;
  throw new RegistryFailure(
    'answer-invalid',
    `${session.registry.host} answered with bytes that are not those of ${digest}.`,
  );
}

/** POST, then one PUT with all of the bytes. */
export async function pushBlob(
  session: Session,
  repository: string,
  digest: Digest,
  content: Content,
): Promise<void> {
  const location = await beginUpload(session, repository);
  await finishUpload(session, repository, location, digest, content);
}

/** POST, a PATCH with Content-Range for each chunk, and an empty PUT. */
export async function pushBlobInChunks(
  session: Session,
  repository: string,
  digest: Digest,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  let location = await beginUpload(session, repository);
  let offset = 0;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    const { answer } = await session.read(
      {
        method: 'PATCH',
        url: location,
        headers: {
          'content-type': 'application/octet-stream',
          'content-range': `${offset}-${offset + chunk.length - 1}`,
        },
        body: chunk,
        scopes: [`repository:${repository}:pull,push`],
        accept: [202],
      },
      maximumEmptyAnswerBytes,
    );
    offset += chunk.length;
    location = uploadLocation(answer, session, location);
  }
  await finishUpload(session, repository, location, digest, new Uint8Array());
}

/**
 * True when the blob was mounted. Otherwise the registry opened an upload instead, which is
 * cancelled: push the blob. Without `from` the registry may look anywhere.
 */
export async function mountBlob(
  session: Session,
  repository: string,
  digest: Digest,
  from?: string,
): Promise<boolean> {
  const { answer } = await session.read(
    {
      method: 'POST',
      url: uploadsUrl(session, repository, {
        mount: digest,
        ...(from === undefined ? {} : { from }),
      }),
      scopes: [
        `repository:${repository}:pull,push`,
        ...(from === undefined ? [] : [`repository:${from}:pull`]),
      ],
      accept: [201, 202],
    },
    maximumEmptyAnswerBytes,
  );
  if (answer.statusCode === 201) return true;
  await session.read(
    {
      method: 'DELETE',
      url: uploadLocation(answer, session, session.registry),
      scopes: [`repository:${repository}:pull,push`],
      accept: [204, 404, 405],
    },
    maximumEmptyAnswerBytes,
  );
  return false;
}

export async function deleteBlob(
  session: Session,
  repository: string,
  digest: Digest,
): Promise<void> {
  await session.read(
    {
      method: 'DELETE',
      url: urlOf(session, repository, digest),
      scopes: [`repository:${repository}:delete`],
      accept: [202],
    },
    maximumEmptyAnswerBytes,
  );
}

function uploadsUrl(
  session: Session,
  repository: string,
  query: Readonly<Record<string, string>>,
): URL {
  const url = new URL(`/v2/${repository}/blobs/uploads/`, session.registry);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

async function beginUpload(session: Session, repository: string): Promise<URL> {
  const { answer } = await session.read(
    {
      method: 'POST',
      url: uploadsUrl(session, repository, {}),
      scopes: [`repository:${repository}:pull,push`],
      accept: [202],
    },
    maximumEmptyAnswerBytes,
  );
  return uploadLocation(answer, session, session.registry);
}

async function finishUpload(
  session: Session,
  repository: string,
  location: URL,
  digest: Digest,
  body: Content,
): Promise<void> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  await session.read(
    {
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body,
      scopes: [`repository:${repository}:pull,push`],
      accept: [201],
    },
    maximumEmptyAnswerBytes,
  );
}

/** Credentials go along with an upload, so that it must stay with the registry itself. */
function uploadLocation(answer: Answer, session: Session, base: URL): URL {
  const url = resolveLocation(requireHeader(answer, 'location', session.registry), base);
  if (url.origin === session.registry.origin) return url;
  throw new RegistryFailure(
    'answer-invalid',
    `${session.registry.host} sent the upload to another host, ${url.origin}.`,
  );
}

function contentLength(answer: Answer, session: Session): number {
  const size = Number(requireHeader(answer, 'content-length', session.registry));
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new RegistryFailure(
    'answer-invalid',
    `${session.registry.host} answered with a Content-Length that is no number.`,
  );
}
