import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { BuiltManifest } from '#oci/image.ts';
import type { Host } from '#test/hosts.ts';
import { ensureTools, recipes } from '#test/tools/index.ts';
import { type Containerd, type ContainerdVersion, startContainerd } from '../cluster/containerd.ts';
import { type Bed, type Person, privateProject, publicProject, startBed } from './bed.ts';
import { largeLayer, seededImage, seededIndex, writeLayout } from './images.ts';
import { anonymousLacks, lacks, unknownAuthority, wrongPassword } from './sentences.ts';
import { stopwatch } from './stopwatch.ts';
import { type Typist, typistOf } from './typing.ts';

const releases: readonly { version: ContainerdVersion; number: number }[] = [
  { version: '2.4', number: 4 },
  { version: '1.6', number: 5 },
];

describe('containerd', () => {
  let bed: Bed;
  before(async () => {
    bed = await startBed();
  });
  after(() => bed.stop());

  for (const { version, number } of releases) {
    describe(version, () => {
      let containerd: Containerd;
      let host: Host;
      let typed: Typist;
      let index: Awaited<ReturnType<typeof seededIndex>>;
      const name = `${privateProject}/containerd-${version}`;
      const app = `$REGISTRY/${name}`;

      before(async () => {
        host = await bed.lan.addHost({ name: `node-${version.replace('.', '-')}`, number });
        const tools = join((await ensureTools(recipes.clients)).containerd, '..');
        containerd = await startContainerd(host, version, tools);
        await host.install({ ctr: version === '2.4' ? join(tools, 'ctr') : '/usr/bin/ctr' });
        typed = typistOf(bed, host);
        const { home } = host;
        index = await seededIndex('containerd');
        await writeLayout(join(home, 'index'), '1', index.index);
        const large = await seededImage('containerd large', { layerSizes: [largeLayer] });
        await writeLayout(join(home, 'large'), 'large', large);
        await typed.succeeds(
          'nobody',
          `for layout in index large; do
  tar --create --directory $layout . | ctr images import --all-platforms --no-unpack --base-name ${app} -
done`,
        );
      });
      after(async () => {
        await containerd.stop();
        await host.stop();
      });

      function pull(reference: string, options = ''): string {
        return `ctr images pull --hosts-dir /etc/containerd/certs.d ${options} ${reference} 2>&1`;
      }

      function push(reference: string): string {
        return `ctr images push --hosts-dir /etc/containerd/certs.d --user "$NAME:$PASSWORD" ${reference} 2>&1`;
      }

      const signedIn = '--user "$NAME:$PASSWORD"';

      /** What it holds of the manifest under a name, and all that belongs to it. */
      async function forget(reference: string): Promise<void> {
        await typed.succeeds('nobody', `ctr images rm --sync ${reference}`);
      }

      async function succeedsFor(
        person: Person,
        script: string,
        env: Readonly<Record<string, string>> = {},
      ): Promise<string> {
        return typed.succeeds(person, script, { env });
      }

      test('does not speak to Berth before it knows the authority', async () => {
        assert.match(await typed.fails('developer', push(`${app}:1`)), unknownAuthority);
        assert.match(await typed.fails('developer', pull(`${app}:1`, signedIn)), unknownAuthority);
      });

      test('needs the authority in its own folder and nothing else', async () => {
        await host.write(`/etc/containerd/certs.d/${bed.berth.name}/ca.crt`, bed.berth.authority);
        assert.match(await typed.fails('nobody', pull(`${app}:1`)), anonymousLacks('pull', name));
      });

      test('pulls the index that it pushed, and single platforms', async () => {
        await succeedsFor('developer', push(`${app}:1`));
        for (const person of ['robot', 'token'] as const) {
          await forget(`${app}:1`);
          await succeedsFor(person, pull(`${app}:1`, `${signedIn} --all-platforms`));
          await succeedsFor(
            person,
            `for blob in index/blobs/sha256/*; do
  ctr content get sha256:$(basename $blob) | cmp $blob
done`,
          );
        }
        await forget(`${app}:1`);
        await succeedsFor('robot', pull(`${app}:1`, `${signedIn} --platform linux/arm64`));
        const [wanted, other] = [layerOf(index.arm64), layerOf(index.amd64)];
        await succeedsFor('robot', `ctr content get ${wanted} >/dev/null`);
        assert.match(await typed.fails('robot', `ctr content get ${other}`), /not found/);
      });

      test('mounts what another repository holds', async () => {
        const copy = `${app}-copy:1`;
        await succeedsFor('robot', pull(`${app}:1`, `${signedIn} --all-platforms`));
        await succeedsFor('developer', `ctr images tag ${app}:1 ${copy}`);
        await succeedsFor('developer', push(copy));
        const mounted = new RegExp(
          `"method":"POST","path":"/v2/${RegExp.escape(name)}-copy/blobs/uploads/",.*"status":201`,
        );
        await bed.berth.hasLogged(mounted);
      });

      test('carries a layer of 200 MiB', async (context) => {
        const watch = stopwatch(context);
        await succeedsFor('developer', push(`${app}:large`));
        watch('pushed 200 MiB');
        await forget(`${app}:large`);
        await succeedsFor('robot', pull(`${app}:large`, signedIn));
        watch('pulled and unpacked 200 MiB');
      });

      test('goes on with a download that was cut off', async () => {
        await forget(`${app}:large`);
        const pulling = pull(`${app}:large`, signedIn);
        await bed.whileCutting(
          largeLayer / 2,
          async () => {
            // It goes on by itself, or where it stopped when it is told again.
            await succeedsFor('robot', `${pulling} || ${pulling}`);
          },
          host,
        );
        const resumed = new RegExp(`"path":"/v2/${RegExp.escape(name)}/blobs/[^}]*"status":206`);
        await bed.berth.hasLogged(resumed);
        await succeedsFor(
          'robot',
          `for blob in large/blobs/sha256/*; do
  ctr content get sha256:$(basename $blob) | cmp $blob
done`,
        );
      });

      test('shows what a user lacks', async () => {
        const { username } = bed.people.stranger;
        assert.match(
          await typed.fails('stranger', pull(`${app}:1`, signedIn)),
          lacks(username, 'pull', name),
        );
        assert.match(await typed.fails('nobody', pull(`${app}:1`)), anonymousLacks('pull', name));
        assert.match(
          await typed.fails('stranger', push(`${app}:large`)),
          // The older one shows the status of a refused push and nothing else.
          version === '1.6' ? /403 Forbidden/ : lacks(username, 'push', name),
        );
      });

      test('shows why a sign-in is refused', async () => {
        assert.match(
          await typed.fails('developer', pull(`${app}:1`, '--user "$NAME:wrong"')),
          wrongPassword(bed.people.developer.username),
        );
      });

      test('pushes under another name what is there already', async () => {
        const again = `$REGISTRY/${privateProject}/containerd-again`;
        for (const tag of ['1', '2']) {
          await succeedsFor('developer', `ctr images tag ${app}:1 ${again}:${tag}`);
          await succeedsFor('developer', push(`${again}:${tag}`));
          await forget(`${again}:${tag}`);
        }
        await succeedsFor('robot', pull(`${again}:2`, `${signedIn} --all-platforms`));
      });

      test('pulls from a public project without a sign-in', async () => {
        const open = `$REGISTRY/${publicProject}/containerd:${version}`;
        await succeedsFor('developer', `ctr images tag ${app}:1 ${open}`);
        await succeedsFor('developer', push(open));
        await forget(open);
        await succeedsFor('nobody', pull(open, '--all-platforms'));
      });
    });
  }
});

function layerOf({ bytes }: BuiltManifest): string {
  return JSON.parse(Buffer.from(bytes).toString('utf8')).layers[0].digest;
}
