import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '#lib/errors.ts';
import { open, SealBroken } from '#lib/sealing.ts';
import type { Config } from '#server/config/config.ts';
import { settings } from '#server/config/settings.ts';
import { sealedSecretContext } from '#server/database/secrets.ts';
import { secretKeyIn } from '../backup/generation.ts';

interface SealedSecret {
  readonly name: string;
  readonly sealed: Uint8Array;
}

/**
 * The key file that a restored data folder needs; undefined when the right key is there already.
 * Without the right key the authority, the tokens and the secrets of robots would be lost.
 * @throws {Refusal} when no key at hand opens `secrets`
 */
export function secretKeyFor(
  { secretKey, dataFolder }: Config,
  generation: string,
  secrets: readonly SealedSecret[],
): Uint8Array | undefined {
  const inFolder = join(dataFolder, 'secret.key');
  if (secretKey !== undefined) {
    if (opensAll(secretKey, secrets)) return undefined;
    throw new Refusal(
      'invalid',
      'BERTH_SECRET_KEY does not open the secrets of this backup: set it to the key of the server that was backed up, or unset it to use the secret.key of the backup.',
    );
  }
  if (existsSync(inFolder)) {
    if (opensAll(readKey(inFolder), secrets)) return undefined;
    throw new Refusal(
      'invalid',
      `${inFolder} does not open the secrets of this backup: remove that file, or put the secret.key of the server that was backed up in its place.`,
    );
  }
  const kept = secretKeyIn(generation);
  if (!existsSync(kept)) {
    throw new Refusal(
      'invalid',
      `The backup does not hold the secret key of its server: set BERTH_SECRET_KEY to it, or put the server's secret.key into ${dataFolder}.`,
    );
  }
  if (opensAll(readKey(kept), secrets)) return readFileSync(kept);
  throw new Refusal(
    'invalid',
    `${kept} is damaged or another server's: bring it back from a copy, or set BERTH_SECRET_KEY to the key of the server that was backed up.`,
  );
}

function readKey(path: string): Uint8Array | undefined {
  try {
    return settings.secretKey.read(readFileSync(path, 'utf8').trim());
  } catch {
    return undefined;
  }
}

function opensAll(key: Uint8Array | undefined, secrets: readonly SealedSecret[]): boolean {
  if (key === undefined) return false;
  try {
    for (const { name, sealed } of secrets) open(key, sealed, sealedSecretContext(name));
    return true;
  } catch (error) {
    if (error instanceof SealBroken) return false;
    throw error;
  }
}
