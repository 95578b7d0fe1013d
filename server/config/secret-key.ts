import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import { InvalidSetting, settings } from './settings.ts';

/**
 * The key that seals secrets in the database, from `secret.key` in the data folder; made on the
 * first start. Written whole and synced before it gets its name: a lost key loses the secrets.
 */
export function secretKeyOf(dataFolder: string): Uint8Array {
  const path = join(dataFolder, 'secret.key');
  const existing = readKey(path);
  if (existing !== undefined) return existing;
  const temporary = `${path}.${process.pid}`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    // Unlike a rename, a link never replaces the key of a process that was faster.
    linkSync(temporary, path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
  const folder = openSync(dataFolder, 'r');
  fsyncSync(folder);
  closeSync(folder);
  const key = readKey(path);
  if (key === undefined) throw new InvalidSetting(`${path} was removed while the server started.`);
  return key;
}

function readKey(path: string): Uint8Array | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new InvalidSetting(`${path} cannot be read: ${(error as Error).message}.`);
  }
  try {
    return settings.secretKey.read(text);
  } catch (error) {
    throw new InvalidSetting(`${path} ${(error as Error).message}.`);
  }
}
