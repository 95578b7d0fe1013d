import { createHmac, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a machine secret begins with, so that people and leak scanners know it when they see it. */
export type MachineSecretPrefix =
  | 'berth_pat_'
  | 'berth_robot_'
  | 'berth_connect_'
  | 'berth_agent_'
  | 'berth_namespace_';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62^43 > 2^256. */
const secretLength = 43;
/** 62^6 > 2^32. */
const checksumLength = 6;

/** 256 random bits and a checksum that tells a mistyped secret from a wrong one. */
export function createMachineSecret(prefix: MachineSecretPrefix): string {
  const number = BigInt(`0x${randomBytes(32).toString('hex')}`);
  const body = `${prefix}${base62(number, secretLength)}`;
  return `${body}${base62(BigInt(crc32(body)), checksumLength)}`;
}

/** Whether `text` is whole: a secret that this program could have made. */
export function isMachineSecret(prefix: MachineSecretPrefix, text: string): boolean {
  if (text.length !== prefix.length + secretLength + checksumLength) return false;
  if (!text.startsWith(prefix)) return false;
  const body = text.slice(0, -checksumLength);
  return text === `${body}${base62(BigInt(crc32(body)), checksumLength)}`;
}

/** What is stored of a machine secret. It has too many bits to be guessed, so a fast hash will do. */
export function hmacOfMachineSecret(key: Uint8Array, secret: string): Buffer {
  return createHmac('sha256', key).update(secret).digest();
}

function base62(number: bigint, length: number): string {
  let text = '';
  for (let rest = number; text.length < length; rest /= 62n) {
    text = digits.charAt(Number(rest % 62n)) + text;
  }
  return text;
}
