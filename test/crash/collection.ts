import { waitFor } from '#test/processes.ts';
import type { Credential, ServerProcess } from './server-process.ts';

const base = '/api/v2.0/system/gc';

/** Runs a collection to its end, as `berth garbage-collection run` does. */
export async function collectGarbage(server: ServerProcess, credential: Credential): Promise<void> {
  const order = {
    schedule: { type: 'Manual' },
    parameters: { dry_run: false, delete_untagged: false },
  };
  const begun = await server.call(credential, `${base}/schedule`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(order)),
  });
  if (begun.status !== 201) throw new Error(`No collection began (${begun.status}): ${begun.body}`);
  const { id } = JSON.parse(begun.body.toString('utf8')) as { readonly id: number };
  await waitFor(
    async () => {
      const { body } = await server.call(credential, `${base}/${id}`);
      return JSON.parse(body.toString('utf8')) as { readonly end_time?: string };
    },
    {
      what: `collection ${id} to end`,
      limit: 120_000,
      until: (collection) => collection.end_time !== undefined,
    },
  );
}
