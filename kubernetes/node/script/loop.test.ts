import assert from 'node:assert/strict';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { lastNodeStatus } from '../status.ts';
import { containerdNode, folder } from '../testing/containerd-node.ts';
import { certificate } from '../testing/node.ts';

describe('a script that goes on', { concurrency: true }, () => {
  test('puts back what a runtime cleared or somebody changed, and follows new files', async () => {
    await using node = await containerdNode();
    await node.give({});
    await using script = node.start();
    const lies = (content: string) =>
      waitFor(() => node.read(`${folder}/ca.crt`), {
        what: 'the certificate',
        until: (text) => text === content,
      });
    await lies(certificate);
    // The script may still be writing in there.
    await rm(join(node.root, 'etc/containerd/certs.d'), { recursive: true, maxRetries: 10 });
    await lies(certificate);
    await writeFile(join(node.root, folder, 'ca.crt'), 'changed');
    await utimes(join(node.root, folder, 'ca.crt'), new Date(), new Date(Date.now() + 5_000));
    await lies(certificate);
    const revision = await node.give({ authorities: `${certificate}#next\n` });
    await lies(`${certificate}#next\n`);
    await waitFor(async () => lastNodeStatus(script.output())?.revision, {
      what: 'its word for it',
      until: (told) => told === revision,
    });
  });

  test('says a thing once, and ends at once when told', async () => {
    await using node = await containerdNode();
    await node.give({});
    const script = node.start();
    await waitFor(async () => script.output(), { what: 'its first line' });
    await rm(join(node.root, folder), { recursive: true, maxRetries: 10 });
    await waitFor(() => node.read(`${folder}/ca.crt`), { what: 'the certificate' });
    const started = performance.now();
    await script.stop();
    assert.ok(performance.now() - started < 2_000);
    assert.equal(script.output().trim().split('\n').length, 1);
  });
});
