import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal, systemErrorCode } from '#lib/errors.ts';
import type { DigestAlgorithm } from '#oci/digest.ts';
import { newestSchema } from '#server/database/migrations/migrate.ts';
import { writeFileDurably } from '../durable-file.ts';

/** Grows whenever an earlier Berth could not restore what this one writes. */
export const backupFormat = 1;

/** Where the key that opens the sealed secrets of the database is. */
export type SecretKeyPlace = 'in-the-backup' | 'left-out' | 'in-the-environment';

/** What one backup holds, as its `backup.json` says. */
export interface GenerationManifest {
  readonly format: number;
  /** The version of the Berth that made it. */
  readonly berth: string;
  readonly madeAt: string;
  /** The schema version of its database. */
  readonly schema: number;
  readonly dialect: 'sqlite' | 'postgres';
  readonly database: { readonly size: number; readonly sha256: string };
  /** By table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly blobs: { readonly count: number; readonly bytes: number };
  readonly secretKey: SecretKeyPlace;
  /** Digests of blobs whose bytes the registry had lost when it was backed up. */
  readonly lost: readonly string[];
}

const manifestName = 'backup.json';

export function databaseOf(generation: string): string {
  return join(generation, 'database.sqlite');
}

export function secretKeyIn(generation: string): string {
  return join(generation, 'secret.key');
}

export function isGeneration(folder: string): Promise<boolean> {
  return stat(join(folder, manifestName)).then(
    (found) => found.isFile(),
    () => false,
  );
}

export async function writeManifest(
  generation: string,
  manifest: GenerationManifest,
): Promise<void> {
  const text = JSON.stringify({ ...manifest, checksum: checksumOf(manifest) }, null, 2);
  await writeFileDurably(join(generation, manifestName), `${text}\n`);
}

/** @throws {Refusal} when it is damaged, or of a newer Berth */
export async function readManifest(generation: string): Promise<GenerationManifest> {
  const path = join(generation, manifestName);
  const damaged = `${path} is damaged: restore another backup of the folder with --generation, or bring the file back from a copy.`;
  const content = parse(await readFile(path, 'utf8'));
  if (content === undefined) throw new Refusal('invalid', damaged);
  const { checksum, ...manifest } = content;
  const newer =
    manifest.format > backupFormat
      ? `format ${manifest.format}, and this Berth reads up to format ${backupFormat}`
      : manifest.schema > newestSchema
        ? `schema version ${manifest.schema}, and this Berth works with up to version ${newestSchema}`
        : undefined;
  if (newer !== undefined) {
    throw new Refusal(
      'unavailable',
      `The backup ${generation} was made by a newer Berth (${manifest.berth}) and has ${newer}: restore it with that Berth.`,
    );
  }
  if (checksum !== checksumOf(manifest)) throw new Refusal('invalid', damaged);
  return manifest;
}

/**
 * Compares the database of a backup with what its manifest says.
 * @throws {Refusal} when it is missing, cut short or changed
 */
export async function checkDatabase(
  generation: string,
  { database }: GenerationManifest,
): Promise<void> {
  const path = databaseOf(generation);
  const cure =
    'restore another backup of the folder with --generation, or bring the file back from a copy.';
  const size = await stat(path).then(
    (found) => found.size,
    (error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    },
  );
  if (size === undefined) throw new Refusal('invalid', `${path} is missing: ${cure}`);
  if (size !== database.size) {
    throw new Refusal(
      'invalid',
      `${path} has ${size} bytes, and had ${database.size} when the backup was made: ${cure}`,
    );
  }
  if ((await hashOf(path, 'sha256')) !== database.sha256) {
    throw new Refusal(
      'invalid',
      `${path} is not what it was when the backup was made (its checksum differs): ${cure}`,
    );
  }
}

/** Of a whole file, in hexadecimal digits. */
export async function hashOf(path: string, algorithm: DigestAlgorithm): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk);
  }
  return hash.digest('hex');
}

function parse(text: string): (GenerationManifest & { readonly checksum: string }) | undefined {
  try {
    const content = JSON.parse(text);
    const whole =
      typeof content === 'object' &&
      content !== null &&
      Number.isInteger(content.format) &&
      Number.isInteger(content.schema);
    return whole ? content : undefined;
  } catch {
    return undefined;
  }
}

function checksumOf(manifest: object): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
