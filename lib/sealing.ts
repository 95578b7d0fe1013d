import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Sealed bytes that another key, or another context, sealed; or that were changed since. */
export class SealBroken extends Error {
  constructor(options?: ErrorOptions) {
    super('The sealed bytes do not open with this key and context', options);
    this.name = 'SealBroken';
  }
}

/**
 * Encrypts and authenticates with AES-256-GCM: `nonce (12) ‖ ciphertext ‖ tag (16)`.
 * `context` says what the bytes are for; they open under the same context only.
 */
export function seal(key: Uint8Array, plaintext: Uint8Array, context: string): Uint8Array {
  checkKey(key);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(context));
  return new Uint8Array(
    Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]),
  );
}

/** @throws {SealBroken} */
export function open(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array {
  checkKey(key);
  if (sealed.length < nonceBytes + tagBytes) throw new SealBroken();
  const nonce = sealed.subarray(0, nonceBytes);
  const ciphertext = sealed.subarray(nonceBytes, sealed.length - tagBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return new Uint8Array(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
  } catch (error) {
    throw new SealBroken({ cause: error });
  }
}

function checkKey(key: Uint8Array): void {
  if (key.length !== keyBytes) {
    throw new TypeError(`A sealing key has ${keyBytes} bytes, this one has ${key.length}`);
  }
}
