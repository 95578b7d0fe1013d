import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { containerRuntimes } from '#kubernetes/certs-d.ts';
import {
  distrustInRuntime,
  distrustInSystem,
  type TrustChange,
  trustInRuntime,
  trustInSystem,
} from './install.ts';

const certificate = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
const address = { host: 'reg.test', port: 5000 };

interface Machine extends AsyncDisposable {
  readonly change: TrustChange;
  readonly root: string;
  files(): Promise<string[]>;
}

async function machine(): Promise<Machine> {
  const root = await mkdtemp(join(tmpdir(), 'berth-trust-'));
  return {
    root,
    change: { root, address, rehearse: false },
    async files() {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
        .sort();
    },
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true });
    },
  };
}

describe('trust in a runtime', () => {
  test('is written for each, readable by all, and written once', async () => {
    await using here = await machine();
    for (const runtime of containerRuntimes) {
      const changes = await trustInRuntime(here.change, runtime, certificate);
      assert.ok(changes.every(({ change }) => change === 'written'));
      const again = await trustInRuntime(here.change, runtime, certificate);
      assert.ok(again.every(({ change }) => change === 'unchanged'));
    }
    assert.deepEqual(await here.files(), [
      '/etc/containerd/certs.d/reg.test:5000/ca.crt',
      '/etc/containerd/certs.d/reg.test:5000/hosts.toml',
      '/etc/containers/certs.d/reg.test:5000/ca.crt',
      '/etc/docker/certs.d/reg.test:5000/ca.crt',
    ]);
    for (const file of await here.files()) {
      assert.equal((await stat(join(here.root, file))).mode & 0o777, 0o644);
    }
    const path = join(here.root, '/etc/docker/certs.d/reg.test:5000/ca.crt');
    assert.equal(await readFile(path, 'utf8'), certificate);
  });

  test('follows a new authority', async () => {
    await using here = await machine();
    await trustInRuntime(here.change, 'docker', 'old');
    const [change] = await trustInRuntime(here.change, 'docker', certificate);
    assert.equal(change?.change, 'written');
    const path = join(here.root, '/etc/docker/certs.d/reg.test:5000/ca.crt');
    assert.equal(await readFile(path, 'utf8'), certificate);
  });

  test('leaves a hosts.toml of somebody else alone, when it comes and when it goes', async () => {
    await using here = await machine();
    const folder = join(here.root, '/etc/containerd/certs.d/reg.test:5000');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'hosts.toml'), 'server = "https://mirror.test"\n');
    const changes = await trustInRuntime(here.change, 'containerd', certificate);
    assert.deepEqual(
      changes.map(({ change }) => change),
      ['written', 'kept'],
    );
    assert.match(changes[1]?.note ?? '', /ca = "ca\.crt"/);
    await distrustInRuntime(here.change, 'containerd');
    assert.deepEqual(await readdir(folder), ['hosts.toml']);
    assert.match(await readFile(join(folder, 'hosts.toml'), 'utf8'), /mirror\.test/);
  });

  test('goes without a trace, and takes nothing of other registries with it', async () => {
    await using here = await machine();
    const other = { ...here.change, address: { host: 'other.test', port: 443 } };
    for (const runtime of containerRuntimes) {
      await trustInRuntime(here.change, runtime, certificate);
      await trustInRuntime(other, runtime, certificate);
      const changes = await distrustInRuntime(here.change, runtime);
      assert.ok(changes.length > 0 && changes.every(({ change }) => change === 'removed'));
      assert.deepEqual(await distrustInRuntime(here.change, runtime), []);
    }
    assert.ok((await here.files()).every((file) => file.includes('/other.test/')));
    assert.deepEqual(await readdir(join(here.root, '/etc/docker/certs.d')), ['other.test']);
  });

  test('is only told of in a rehearsal', async () => {
    await using here = await machine();
    const rehearsal = { ...here.change, rehearse: true };
    const changes = await trustInRuntime(rehearsal, 'containerd', certificate, '/a/certs.d');
    assert.deepEqual(
      changes.map(({ path }) => path),
      ['/a/certs.d/reg.test:5000/ca.crt', '/a/certs.d/reg.test:5000/hosts.toml'],
    );
    assert.deepEqual(await here.files(), []);
    await trustInRuntime(here.change, 'docker', certificate);
    await distrustInRuntime(rehearsal, 'docker');
    assert.equal((await here.files()).length, 1);
  });

  test('that cannot be written says which file and why', async () => {
    await using here = await machine();
    await writeFile(join(here.root, 'etc'), '');
    await assert.rejects(trustInRuntime(here.change, 'docker', certificate), {
      name: 'CommandFailure',
      message: /^\/etc\/docker\/certs\.d\/reg\.test:5000\/ca\.crt cannot be written: .+\.$/,
    });
  });
});

describe('trust of the system', () => {
  const folder = '/usr/local/share/ca-certificates';

  test('has a file of its own for each registry, with a name that any tool takes', async () => {
    await using here = await machine();
    const ports = [address, { host: 'reg.test', port: 443 }, { host: '[fd00::1]', port: 5000 }].map(
      (each) => ({ ...here.change, address: each }),
    );
    for (const change of ports) await trustInSystem(change, folder, certificate);
    const files = await here.files();
    assert.equal(files.length, 3);
    for (const file of files) assert.match(file, /\/berth-[a-z0-9._-]+\.crt$/);
    for (const change of ports) {
      assert.equal((await distrustInSystem(change, folder))[0]?.change, 'removed');
    }
    assert.deepEqual(await here.files(), []);
    assert.deepEqual(await distrustInSystem(here.change, folder), []);
  });
});
