import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { readLayout } from '#oci/layout.ts';
import { asking, type SignedIn } from '../testing/command-line.ts';
import { signInForClusters } from '../testing/connected-cluster.ts';

let admin: SignedIn;
before(async () => {
  admin = await signInForClusters();
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

const nodes = JSON.stringify({
  items: [
    {
      metadata: { name: 'a', labels: { 'kubernetes.io/hostname': 'a' } },
      status: {
        nodeInfo: { osImage: 'Debian 12', kubeletVersion: 'v1.36.3' },
        images: [{ names: ['registry.k8s.io/pause:3.10'] }],
      },
    },
  ],
});

describe('berth cluster connect --output', () => {
  test('writes what is to be applied into a file that others cannot read', async () => {
    const list = join(admin.home, 'nodes.json');
    await writeFile(list, nodes);
    for (const [form, count, last] of [
      ['kubectl', 1, /\nkubectl apply -f \S+kubectl\.yaml\n$/],
      ['air-gapped', 1, /agent-image --output[\s\S]*\nkubectl apply -f \S+air-gapped\.yaml\n$/],
      [
        'gitops',
        0,
        /\nkubectl get nodes [^\n]+\?form=handover' \| kubectl apply -f - && [^\n]+\n$/,
      ],
    ] as const) {
      const file = join(admin.home, `${form}.yaml`);
      const { code, stdout, stderr } = await admin.berth([
        ...['cluster', 'connect', 'written', '--form', form],
        ...['--nodes', list, '--output', file],
      ]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, last);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const kinds = parseAllDocuments(await readFile(file, 'utf8')).map(
        (document) => document.toJS().kind,
      );
      assert.equal(kinds.filter((kind) => kind === 'Secret').length, count, form);
      assert.equal(kinds.filter((kind) => kind === 'DaemonSet').length, count, form);
      assert.ok(kinds.includes('Deployment'));
    }
    const values = join(admin.home, 'values.yaml');
    const helm = await admin.berth(
      ['cluster', 'connect', 'written', '--form', 'helm', '--nodes', '-', '--output', values],
      { input: nodes },
    );
    assert.equal(helm.code, 0, helm.stderr);
    assert.match(
      helm.stdout,
      /helm upgrade --install berth-agent \S+ .*--values \S+values\.yaml\n$/,
    );
    assert.doesNotMatch(helm.stdout, /kubectl get nodes/);
    assert.match(await readFile(values, 'utf8'), /^cluster: written$/m);
  });

  test('says what kubectl said at last, without its log', async () => {
    const folder = join(admin.home, 'programs');
    await mkdir(folder);
    const said = 'The connection to the server localhost:8080 was refused - is it the right one?';
    const script = `#!/bin/sh\necho 'E1124 memcache.go:265] "Unhandled Error"' >&2\necho '${said}' >&2\nexit 1\n`;
    await writeFile(join(folder, 'kubectl'), script, { mode: 0o755 });
    const { code, stderr } = await admin.berth(
      ['cluster', 'connect', 'unlisted', '--output', join(admin.home, 'unlisted.yaml')],
      { env: { PATH: `${folder}:/usr/bin:/bin` } },
    );
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `berth: kubectl could not list the nodes: ${said} Give their list with --nodes FILE, or an image with --node-image IMAGE.\n`,
    );
  });

  test('tells which image to name when nodes have none', async () => {
    const list = join(admin.home, 'empty.json');
    const file = join(admin.home, 'empty.yaml');
    await writeFile(list, '{"items":[]}');
    const given = ['cluster', 'connect', 'empty', '--output', file, '--nodes', list];
    await refused(/--node-image IMAGE/, 1, ...given);
    await json(...given, '--node-image', 'busybox:1');
    assert.match(await readFile(file, 'utf8'), /image: busybox:1$/m);
  });
});

test('the image of the agent is written whole, with the name that nodes ask for', async () => {
  const file = join(admin.home, 'agent.tar');
  const { reference, bytes } = await json('cluster', 'agent-image', '--output', file);
  assert.match(reference, /\/berth\/agent:\d/);
  assert.equal((await stat(file)).size, bytes);
  const layout = await readLayout([await readFile(file)], 500 * 1024 * 1024);
  assert.equal(layout.manifests[0]?.annotations?.['io.containerd.image.name'], reference);
  await refused(/cannot be written/, 1, 'cluster', 'agent-image', '--output', '/no/such/folder/x');
});
