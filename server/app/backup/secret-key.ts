import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '#server/config/config.ts';
import { writeFileDurably } from '../durable-file.ts';
import { type SecretKeyPlace, secretKeyIn } from './generation.ts';

/**
 * Puts the key of the data folder into a generation. A key that comes from the environment is kept
 * where the operator keeps it.
 */
export async function keepSecretKey(
  { secretKey, dataFolder }: Config,
  generation: string,
  wanted: boolean,
): Promise<SecretKeyPlace> {
  const path = join(dataFolder, 'secret.key');
  if (secretKey !== undefined || !existsSync(path)) return 'in-the-environment';
  if (!wanted) return 'left-out';
  await writeFileDurably(secretKeyIn(generation), readFileSync(path));
  return 'in-the-backup';
}
