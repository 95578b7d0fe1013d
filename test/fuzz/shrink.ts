import { withHeader } from './mutations.ts';
import { headerOf, type RawRequest } from './raw-request.ts';

const mostAttempts = 150;

/** A smaller request that fails alike, as far as one is found. */
export async function shrink(
  request: RawRequest,
  failsAlike: (candidate: RawRequest) => Promise<boolean>,
): Promise<RawRequest> {
  let smallest = request;
  let attempts = 0;
  for (let found = true; found; ) {
    found = false;
    for (const candidate of smaller(smallest)) {
      if (++attempts > mostAttempts) return smallest;
      if (!(await failsAlike(candidate))) continue;
      smallest = candidate;
      found = true;
      break;
    }
  }
  return smallest;
}

function* smaller(request: RawRequest): Generator<RawRequest> {
  const { headers, target, body } = request;
  for (const [index, [name]] of headers.entries()) {
    if (/^(host|connection|content-length)$/i.test(name)) continue;
    yield { ...request, headers: headers.toSpliced(index, 1) };
  }
  const query = target.indexOf('?');
  if (query >= 0) yield { ...request, target: target.slice(0, query) };
  const resized = (part: Buffer) =>
    headerOf(request, 'content-length') === String(body.length)
      ? withHeader({ ...request, body: part }, 'Content-Length', String(part.length))
      : { ...request, body: part };
  for (let size = body.length; size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start + size <= body.length && start < size * 8; start += size) {
      yield resized(Buffer.concat([body.subarray(0, start), body.subarray(start + size)]));
    }
  }
  for (let size = Math.floor(target.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 1; start + size <= target.length && start < size * 8; start += size) {
      yield { ...request, target: target.slice(0, start) + target.slice(start + size) };
    }
  }
}
