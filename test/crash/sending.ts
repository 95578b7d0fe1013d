import type { Content } from '#server/features/registry/testing/content.suite.ts';
import type { Credential, Reply, ServerProcess } from './server-process.ts';

/** The server answered, and not as it should have. */
export class UnexpectedReply extends Error {
  readonly status: number;

  constructor(what: string, { status, body }: Reply) {
    super(`${what} was answered ${status}: ${body.toString('utf8').slice(0, 500)}`);
    this.name = 'UnexpectedReply';
    this.status = status;
  }
}

/** A client's requests, which must be answered as it expects. */
export interface Sender {
  /** @throws {UnexpectedReply | Error} */
  expect(
    status: number,
    method: string,
    path: string,
    body?: Uint8Array,
    contentType?: string,
  ): Promise<Reply>;
}

/** @param requestId given to the next request, for whoever reads what the server writes */
export function senderTo(
  server: ServerProcess,
  credential: Credential,
  requestId?: () => string,
): Sender {
  return {
    async expect(status, method, path, body, contentType) {
      const reply = await server.call(credential, path, {
        method,
        headers: {
          ...(contentType === undefined ? {} : { 'content-type': contentType }),
          ...(requestId === undefined ? {} : { 'x-request-id': requestId() }),
        },
        ...(body === undefined ? {} : { body }),
      });
      if (reply.status !== status) throw new UnexpectedReply(`${method} ${path}`, reply);
      return reply;
    },
  };
}

export type UploadWay = 'post' | 'put' | 'chunks';

/** @param cut where the second of two chunks begins */
export async function uploadBlob(
  sender: Sender,
  repository: string,
  { digest, bytes }: Content,
  way: UploadWay,
  cut: number,
): Promise<void> {
  const uploads = `/v2/${repository}/blobs/uploads/`;
  if (way === 'post') {
    await sender.expect(201, 'POST', `${uploads}?digest=${digest}`, bytes);
    return;
  }
  let { location = '' } = (await sender.expect(202, 'POST', uploads)).headers;
  let rest = bytes;
  if (way === 'chunks') {
    const first = await sender.expect(202, 'PATCH', location, bytes.subarray(0, cut));
    location = first.headers.location ?? '';
    rest = bytes.subarray(cut);
  }
  const target = new URL(location, 'http://localhost');
  target.searchParams.set('digest', digest);
  await sender.expect(201, 'PUT', target.pathname + target.search, rest);
}
