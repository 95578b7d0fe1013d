import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Refusal } from '#lib/errors.ts';

const argon2Promise = promisify(argon2);

/** OWASP's second recommendation for argon2id: memory in KiB. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const saltLength = 16;
const hashLength = 32;

/** Hashing takes tens of milliseconds of the threads that files are read by: leave them some. */
const hashedAtOnce = 2;
const waitingAtMost = 200;

let running = 0;
const waiting: (() => void)[] = [];

/**
 * argon2id in PHC form.
 * @throws {Refusal} `unavailable` when too many passwords wait to be hashed
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltLength);
  const hash = await derive(password, salt, { ...cost, length: hashLength });
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${encode(salt)}$${encode(hash)}`;
}

/**
 * Whether `password` is the one that `stored` was made of. Takes the same time where nothing is
 * stored, so that nobody learns which names exist.
 * @throws {Refusal} `unavailable` when too many passwords wait to be hashed
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const parsed = stored === null ? undefined : parse(stored);
  if (parsed === undefined) {
    await derive(password, randomBytes(saltLength), { ...cost, length: hashLength });
    return false;
  }
  const { salt, hash, memory, passes, parallelism } = parsed;
  const derived = await derive(password, salt, {
    memory,
    passes,
    parallelism,
    length: hash.length,
  });
  return timingSafeEqual(derived, hash);
}

interface Cost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly length: number;
}

async function derive(password: string, nonce: Uint8Array, options: Cost): Promise<Buffer> {
  await enter();
  try {
    const { memory, passes, parallelism, length: tagLength } = options;
    const message = password;
    return await argon2Promise('argon2id', {
      message,
      nonce,
      memory,
      passes,
      parallelism,
      tagLength,
    });
  } finally {
    leave();
  }
}

async function enter(): Promise<void> {
  if (running < hashedAtOnce) {
    running += 1;
    return;
  }
  if (waiting.length >= waitingAtMost) {
    throw new Refusal('unavailable', 'Too many people sign in at once: try again in a second.');
  }
  await new Promise<void>((resolve) => waiting.push(resolve));
}

/** Hands the place on, or frees it. */
function leave() {
  const next = waiting.shift();
  if (next === undefined) running -= 1;
  else next();
}

function parse(stored: string) {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
      stored,
    );
  if (match === null) return undefined;
  const [, memory, passes, parallelism, salt = '', hash = ''] = match;
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}
