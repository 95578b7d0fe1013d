import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Authority } from './authority.ts';
import type { ServedNames } from './names.ts';

/** What a thread of its own is asked for. */
export type Issuing =
  | { readonly kind: 'authority'; readonly now: number }
  | { readonly kind: 'leaf-key' }
  | {
      readonly kind: 'leaf';
      readonly authority: Authority;
      readonly key: string;
      readonly names: ServedNames;
      readonly now: number;
    };

interface Issued {
  readonly authority: Authority;
  readonly 'leaf-key': string;
  readonly leaf: string;
}

/**
 * Runs the function of authority.ts in a thread, which ends with its answer and takes the memory of
 * the library with it: some 10 MB that are needed once in months.
 */
export async function issue<Kind extends Issuing['kind']>(
  asked: Extract<Issuing, { kind: Kind }>,
): Promise<Issued[Kind]> {
  const thread = new Worker(new URL('./issuing-thread.ts', import.meta.url), { workerData: asked });
  const [answer] = await once(thread, 'message');
  await thread.terminate();
  return answer;
}
