import { digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import type { Random } from '#test/random.ts';
import type { Pool } from './pool.ts';
import { chance, json, oneOf, text } from './values.ts';

/** A request before it gets its credentials and framing. */
export interface Draft {
  readonly method: string;
  readonly target: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Buffer;
}

const octets: readonly [string, string] = ['Content-Type', 'application/octet-stream'];
const manifestTypes = [
  mediaTypes.oci.manifest,
  mediaTypes.oci.index,
  mediaTypes.docker.manifest,
  mediaTypes.docker.manifestList,
];

export function draftRegistryRequest(random: Random, pool: Pool): Draft {
  const repository = oneOf(random, pool.repositories);
  const base = `/v2/${repository}`;
  const drafts: readonly (() => Draft)[] = [
    () => ({
      method: oneOf(random, ['GET', 'HEAD', 'DELETE']),
      target: `${base}/manifests/${reference(random, pool)}`,
    }),
    () => ({
      method: oneOf(random, ['GET', 'HEAD', 'GET', 'DELETE']),
      target: `${base}/blobs/${digest(random, pool)}`,
      headers: chance(random, 2) ? [['Range', range(random)]] : [],
    }),
    () => putManifest(random, pool, base),
    () => putManifest(random, pool, base),
    () => ({ method: 'POST', target: `${base}/blobs/uploads/` }),
    () => monolithic(random, base),
    () => mount(random, pool, base),
    () => mount(random, pool, base),
    () => continueUpload(random, pool),
    () => continueUpload(random, pool),
    () => continueUpload(random, pool),
    () => ({ method: 'GET', target: `${base}/tags/list${page(random, pool)}` }),
    () => ({ method: 'GET', target: `/v2/_catalog${page(random, pool)}` }),
    () => ({
      method: 'GET',
      target: `${base}/referrers/${digest(random, pool)}?artifactType=${encode(text(random))}&last=${encode(text(random))}`,
    }),
    () => ({
      method: oneOf(random, ['GET', 'PUT', 'OPTIONS']),
      target: oneOf(random, ['/v2/', '/v2', '/v2/_x']),
    }),
  ];
  return oneOf(random, drafts)();
}

function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function reference(random: Random, pool: Pool): string {
  if (chance(random, 8)) return encode(text(random));
  return oneOf(random, chance(random, 2) ? pool.tags : pool.digests);
}

function digest(random: Random, pool: Pool): string {
  if (chance(random, 6)) {
    return oneOf(random, [
      'sha256:',
      `sha256:${'A'.repeat(64)}`,
      `sha256:${'0'.repeat(63)}`,
      `sha512:${'0'.repeat(128)}`,
      `md5:${'0'.repeat(32)}`,
      `sha256:${'0'.repeat(64)}`,
      encode(text(random)),
    ]);
  }
  return oneOf(random, pool.digests);
}

function range(random: Random): string {
  return oneOf(random, [
    'bytes=0-0',
    'bytes=0-',
    'bytes=-1',
    'bytes=-0',
    'bytes=5-2',
    'bytes=0-9999999999999999',
    'bytes=0-1,3-4',
    'bytes=99999999999999999999-',
    'items=0-1',
    'bytes',
    `bytes=${'0-1,'.repeat(400)}0-1`,
  ]);
}

function contentRange(random: Random): string {
  return oneOf(random, [
    '0-9',
    '0-0',
    '10-19',
    '5-2',
    'bytes 0-9/10',
    '0-99999999999999999999',
    '-1',
    '9007199254740991-9007199254740992',
    '',
  ]);
}

function page(random: Random, pool: Pool): string {
  const n = oneOf(random, ['', '0', '1', '2', '-1', '1e3', '999999999', '9999999999', 'x', '%00']);
  const last = chance(random, 2) ? encode(text(random)) : encode(oneOf(random, pool.repositories));
  return oneOf(random, ['', `?n=${n}`, `?n=${n}&last=${last}`, `?last=${last}`, `?n=1&n=${n}`]);
}

function monolithic(random: Random, base: string): Draft {
  const body = random.bytes(random.integer(200));
  const named = chance(random, 4)
    ? 'sha256:nothing'
    : digestOf(oneOf(random, ['sha256', 'sha512']), body);
  return {
    method: 'POST',
    target: `${base}/blobs/uploads/?digest=${named}`,
    headers: [octets],
    body,
  };
}

function mount(random: Random, pool: Pool, base: string): Draft {
  const from = chance(random, 6) ? text(random) : oneOf(random, pool.repositories);
  const query = `mount=${encode(digest(random, pool))}${chance(random, 3) ? '' : `&from=${encode(from)}`}`;
  return { method: 'POST', target: `${base}/blobs/uploads/?${query}` };
}

/** A step of any upload that is known, in whatever order. */
function continueUpload(random: Random, pool: Pool): Draft {
  const target = pool.uploads[random.integer(Math.max(1, pool.uploads.length))];
  if (target === undefined) return { method: 'PATCH', target: '/v2/sand/app/blobs/uploads/none' };
  const body = random.bytes(random.integer(100));
  const separator = target.includes('?') ? '&' : '?';
  switch (random.integer(6)) {
    case 0:
      return { method: 'GET', target };
    case 1:
      return { method: 'DELETE', target };
    case 2:
      return {
        method: 'PATCH',
        target,
        headers: [octets, ['Content-Range', contentRange(random)]],
        body,
      };
    case 3:
      return { method: 'PATCH', target, headers: [octets], body };
    default: {
      const named = chance(random, 2) ? digestOf('sha256', body) : digest(random, pool);
      return {
        method: 'PUT',
        target: `${target}${separator}digest=${named}`,
        headers: [octets],
        body,
      };
    }
  }
}

function putManifest(random: Random, pool: Pool, base: string): Draft {
  const mediaType = oneOf(random, manifestTypes);
  const body = Buffer.from(chance(random, 5) ? json(random, 4) : manifest(random, pool, mediaType));
  const named = chance(random, 3) ? digestOf('sha256', body) : reference(random, pool);
  const type = chance(random, 8) ? text(random).replaceAll(/[^\x20-\x7e]/g, '?') : mediaType;
  return {
    method: 'PUT',
    target: `${base}/manifests/${named}`,
    headers: [['Content-Type', type]],
    body,
  };
}

function manifest(random: Random, pool: Pool, mediaType: string): string {
  const descriptor = () => {
    if (chance(random, 12)) return json(random, 2);
    const size = chance(random, 4)
      ? oneOf(random, ['-1', '1e400', '9007199254740992', '1.5'])
      : '2';
    const annotations = chance(random, 4) ? `,"annotations":${json(random, 1)}` : '';
    const platform = chance(random, 4) ? `,"platform":${json(random, 1)}` : '';
    return `{"mediaType":${JSON.stringify(chance(random, 6) ? text(random) : mediaType)},"digest":"${digest(random, pool)}","size":${size}${annotations}${platform}}`;
  };
  const list = () => `[${Array.from({ length: random.integer(3) }, descriptor).join()}]`;
  const fields = [
    `"schemaVersion":${chance(random, 10) ? json(random, 1) : '2'}`,
    `"mediaType":${JSON.stringify(chance(random, 10) ? text(random) : mediaType)}`,
    ...(mediaType.includes('index') || mediaType.includes('list')
      ? [`"manifests":${list()}`]
      : [`"config":${descriptor()}`, `"layers":${list()}`]),
    ...(chance(random, 2) ? [`"subject":${descriptor()}`] : []),
    ...(chance(random, 3)
      ? [`"annotations":{${JSON.stringify(text(random))}:${JSON.stringify(text(random))}}`]
      : []),
    ...(chance(random, 3) ? [`"artifactType":${JSON.stringify(text(random))}`] : []),
  ];
  return `{${fields.join()}}`;
}
