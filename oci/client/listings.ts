import type { Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import { nextLink } from '../link.ts';
import { maximumManifestBytes, parseManifest } from '../manifest.ts';
import { RegistryFailure } from './errors.ts';
import type { Session } from './session.ts';
import { type Answer, resolveLocation } from './transport.ts';

const maximumPages = 10_000;
const maximumPageBytes = 4 * 1024 * 1024;

/** All tags of a repository, page after page, in the registry's order. */
export async function* listTags(session: Session, repository: string): AsyncGenerator<string> {
  const first = new URL(`/v2/${repository}/tags/list`, session.registry);
  for await (const { bytes } of pages(session, repository, first, maximumPageBytes)) {
    yield* readTags(bytes, session);
  }
}

/** The manifests whose subject is `digest`. */
export async function* listReferrers(
  session: Session,
  repository: string,
  digest: Digest,
  artifactType?: string,
): AsyncGenerator<Descriptor> {
  const first = new URL(`/v2/${repository}/referrers/${digest}`, session.registry);
  if (artifactType !== undefined) first.searchParams.set('artifactType', artifactType);
  for await (const { answer, bytes } of pages(session, repository, first, maximumManifestBytes)) {
    // A registry may leave the filtering to its callers; then it does not say that it filtered.
    for (const child of readIndex(bytes, answer, session)) {
      if (artifactType === undefined || child.artifactType === artifactType) yield child;
    }
  }
}

async function* pages(
  session: Session,
  repository: string,
  first: URL,
  maximumBytes: number,
): AsyncGenerator<{ readonly answer: Answer; readonly bytes: Buffer }> {
  let url = first;
  for (let page = 0; page < maximumPages; page++) {
    const { answer, bytes } = await session.read(
      { method: 'GET', url, scopes: [`repository:${repository}:pull`], accept: [200] },
      maximumBytes,
    );
    yield { answer, bytes };
    const link = nextLink(linkHeader(answer));
    if (link === undefined) return;
    const next = resolveLocation(link, url);
    if (next.origin !== session.registry.origin || next.href === url.href) break;
    url = next;
  }
  throw new RegistryFailure(
    'answer-invalid',
    `${session.registry.host} lists ${repository} in pages that lead elsewhere or never end.`,
  );
}

function linkHeader(answer: Answer): string | undefined {
  const { link } = answer.headers;
  return Array.isArray(link) ? link.join(', ') : link;
}

function readTags(bytes: Buffer, session: Session): readonly string[] {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString());
  } catch {
    body = undefined;
  }
  const tags = isJsonObject(body) ? (body.tags ?? []) : undefined;
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags;
  throw new RegistryFailure(
    'answer-invalid',
    `${session.registry.host} answered with a list of tags that is none.`,
  );
}

function readIndex(bytes: Buffer, answer: Answer, session: Session): readonly Descriptor[] {
  try {
    return parseManifest(bytes, answer.headers['content-type']).children;
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    throw new RegistryFailure(
      'answer-invalid',
      `${session.registry.host} answered with referrers that are no index. ${error.message}`,
    );
  }
}
