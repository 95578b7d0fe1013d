import { quote } from '#lib/quote.ts';
import { type Digest, requireDigest } from './digest.ts';
import { OciError } from './errors.ts';
import { isJsonObject, type JsonObject } from './json.ts';

export type Annotations = { readonly [key: string]: string };

/** Image specification, section "Image Index", property `platform`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
}

/** Image specification, "OCI Content Descriptors", as far as anybody here reads it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
  readonly platform?: Platform;
}

const maximumMediaTypeLength = 255;
const maximumPlatformLength = 128;

function refuse(sentence: string): never {
  throw new OciError('MANIFEST_INVALID', sentence);
}

/**
 * `where` names the descriptor within its manifest, such as `layers[2]`.
 * @throws {OciError} MANIFEST_INVALID
 */
export function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isJsonObject(value)) refuse(`The manifest's ${where} is not a descriptor (a JSON object).`);
  const artifactType = readMediaType(value.artifactType, `${where}.artifactType`);
  const annotations = readAnnotations(value.annotations, `${where}.annotations`);
  const platform = readPlatform(value.platform, `${where}.platform`);
  return {
    mediaType:
      readMediaType(value.mediaType, `${where}.mediaType`) ??
      refuse(`The manifest's ${where} has no mediaType.`),
    digest: readDigest(value.digest, where),
    size: readSize(value.size, where),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
  };
}

/** Absent, null and empty are one: writers in Go leave out or empty what they do not know. */
export function readMediaType(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') refuse(`The manifest's ${where} is not a string.`);
  if (value.length > maximumMediaTypeLength) {
    refuse(`The manifest's ${where} is longer than ${maximumMediaTypeLength} characters.`);
  }
  if (!/^[\x20-\x7e]+$/.test(value)) {
    refuse(`The manifest's ${where} holds characters that no media type has: ${quote(value)}.`);
  }
  return value;
}

export function readAnnotations(value: unknown, where: string): Annotations | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) refuse(`The manifest's ${where} is not an object.`);
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') {
      refuse(`The manifest's ${where} must map strings to strings; ${quote(key)} does not.`);
    }
    return [key, text];
  });
  // Defines properties rather than assigning them, so that the key "__proto__" is one like others.
  return Object.fromEntries(entries);
}

function readDigest(value: unknown, where: string): Digest {
  if (typeof value !== 'string') refuse(`The manifest's ${where} has no digest.`);
  try {
    return requireDigest(value);
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    return refuse(`The manifest's ${where}.digest is wrong. ${error.message}`);
  }
}

function readSize(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  return refuse(`The manifest's ${where}.size is not a whole number of bytes, zero or more.`);
}

function readPlatform(value: unknown, where: string): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) refuse(`The manifest's ${where} is not an object.`);
  const variant = readPlatformField(value, 'variant', where);
  const osVersion = readPlatformField(value, 'os.version', where);
  return {
    // What BuildKit writes for content that runs nowhere.
    os: readPlatformField(value, 'os', where) ?? 'unknown',
    architecture: readPlatformField(value, 'architecture', where) ?? 'unknown',
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
  };
}

function readPlatformField(platform: JsonObject, name: string, where: string): string | undefined {
  const value = platform[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string' && value.length <= maximumPlatformLength) return value;
  return refuse(
    `The manifest's ${where}.${name} is not a string of at most ${maximumPlatformLength} characters.`,
  );
}

/** The inverse of `readDescriptor`: what goes into JSON. */
export function descriptorToJson(descriptor: Descriptor): JsonObject {
  const { platform, ...rest } = descriptor;
  if (platform === undefined) return rest;
  const { osVersion, ...known } = platform;
  return {
    ...rest,
    platform: osVersion === undefined ? known : { ...known, 'os.version': osVersion },
  };
}
