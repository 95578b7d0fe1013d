import { Refusal } from '#lib/errors.ts';
import { essenceOf } from '#oci/media-types.ts';

/** The largest body of an upload: ChartMuseum's own limit. */
export const maximumUploadBytes = 20 * 1024 * 1024;

/** ChartMuseum's clients send two. */
const maximumParts = 16;

export interface UploadedFiles {
  readonly chart: Uint8Array | undefined;
  readonly provenance: Uint8Array | undefined;
}

/**
 * What an upload brings: a form with the fields `chart` and `prov`, or the bytes of one file, which
 * `whole` says the meaning of.
 * @throws {Refusal} `invalid`
 */
export async function readUploadBody(
  body: Uint8Array<ArrayBuffer>,
  contentType: string | undefined,
  whole: keyof UploadedFiles,
): Promise<UploadedFiles> {
  if (contentType === undefined || essenceOf(contentType) !== 'multipart/form-data') {
    return { chart: undefined, provenance: undefined, [whole]: body };
  }
  const form = await parseForm(body, contentType);
  return { chart: await fileOf(form, 'chart'), provenance: await fileOf(form, 'prov') };
}

async function parseForm(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<FormData> {
  if (hasManyParts(body, contentType)) {
    throw new Refusal(
      'invalid',
      'The form has too many parts: send the fields chart and prov only.',
    );
  }
  try {
    return await new Response(body, { headers: { 'content-type': contentType } }).formData();
  } catch (error) {
    throw new Refusal(
      'invalid',
      'The form cannot be read: send multipart/form-data, as curl -F chart=@FILE does.',
      { cause: error },
    );
  }
}

/** Parsing takes long for many small parts; counting them first does not. */
function hasManyParts(body: Uint8Array<ArrayBuffer>, contentType: string): boolean {
  const [, boundary] = /boundary="?([^";]{1,70})/i.exec(contentType) ?? [];
  if (boundary === undefined) return false;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = `--${boundary.trimEnd()}`;
  let position = bytes.indexOf(delimiter);
  for (let parts = 0; position >= 0; parts += 1) {
    if (parts > maximumParts) return true;
    position = bytes.indexOf(delimiter, position + delimiter.length);
  }
  return false;
}

async function fileOf(form: FormData, name: string): Promise<Uint8Array | undefined> {
  const value = form.get(name);
  if (value === null) return undefined;
  if (typeof value === 'string') return Buffer.from(value);
  return new Uint8Array(await value.arrayBuffer());
}
