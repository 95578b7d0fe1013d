import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { quoted, type Terminal } from '#test/terminal.ts';
import { described, running } from '../cluster/pods.ts';
import { signInWithBerth } from './preparation.ts';
import type { Scene } from './scene.ts';

const unknownAuthority = /x509: certificate signed by unknown authority/;

export function trustSection(scene: () => Scene): void {
  describe('A. Trust', () => {
    const image = () => `${scene().registry}/open/hello:latest`;
    const dockerLogin = () => {
      const { registry, admin } = scene();
      return `docker login --username ${admin.username} --password ${quoted(admin.password)} https://${registry}`;
    };

    before(async () => {
      const { clone, workstation, useHelm } = scene();
      await useHelm('3.22');
      await signInWithBerth(scene());
      await clone.type('./berth project create open --public');
      await workstation.type(`docker tag netutils:latest ${image()}`);
    });

    test('docker does not sign in to a server whose certificate it does not know', async () => {
      assert.match(await scene().workstation.fails(dockerLogin()), unknownAuthority);
    });

    test('docker does not push to it', async () => {
      assert.match(await scene().workstation.fails(`docker push ${image()}`), unknownAuthority);
    });

    test('Helm does not sign in to it', async () => {
      assert.match(await helmLogin(scene(), 'fails'), /certificate signed by unknown authority/);
    });

    test('a pod does not pull from it, and kubectl describe pod names the certificate', async () => {
      const { workstation } = scene();
      await workstation.type(`kubectl run stranger --image=${image()}`);
      await described(workstation, 'stranger', unknownAuthority);
    });

    test("by hand: ca.crt in docker's own folder, and nothing else, is enough to push", async () => {
      const { workstation } = scene();
      await fetchAuthority(scene(), workstation, '/etc/docker/certs.d');
      assert.match(await workstation.type(dockerLogin()), /^Login Succeeded$/m);
      assert.match(await workstation.type(`docker push ${image()}`), /^latest: digest: sha256:/m);
    });

    test("by hand: ca.crt in containerd's own folder, and nothing else, is enough to pull", async () => {
      const { workstation, nodes } = scene();
      for (const { terminal } of nodes) {
        await fetchAuthority(scene(), terminal, '/etc/containerd/certs.d');
      }
      await workstation.type(`kubectl run by-hand --image=${image()}`);
      await running(workstation, 'by-hand', 1);
    });

    test('without these files neither docker nor a pod trusts any more', async () => {
      const { registry, workstation, nodes } = scene();
      await workstation.type(`rm -r /etc/docker/certs.d/${registry}`);
      for (const { terminal } of nodes) {
        await terminal.type(`rm -r /etc/containerd/certs.d/${registry}`);
      }
      assert.match(await workstation.fails(dockerLogin()), unknownAuthority);
      await workstation.type(`kubectl run stranger-again --image=${image()}`);
      await described(workstation, 'stranger-again', unknownAuthority);
    });

    test('berth trust changes nothing when the fingerprint is of another authority', async () => {
      const { registry, clone, workstation, fingerprint } = scene();
      const other = fingerprint.replaceAll(/[0-9]/g, (digit) => String(9 - Number(digit)));
      const refusal = await clone.fails(`./berth trust ${registry} --fingerprint ${other}`);
      assert.match(refusal, /has the fingerprint .+: nothing was changed\./);
      assert.match(await workstation.fails(dockerLogin()), unknownAuthority);
    });

    test('berth trust: one command, and docker and Helm on the workstation trust', async () => {
      const { workstation } = scene();
      await trustByBerth(scene(), scene().clone);
      assert.match(await workstation.type(dockerLogin()), /^Login Succeeded$/m);
      assert.match(await workstation.type(`docker push ${image()}`), /^latest: digest: sha256:/m);
      assert.match(await helmLogin(scene(), 'type'), /^Login Succeeded$/m);
    });

    test('berth trust: one command, and new pods on the nodes pull', async () => {
      const { workstation, nodes } = scene();
      await Promise.all(nodes.map(({ clone }) => trustByBerth(scene(), clone)));
      await workstation.type(`kubectl run by-berth --image=${image()}`);
      await running(workstation, 'by-berth', 1);
    });

    test('the pod that could not pull recovers by itself', async () => {
      await running(scene().workstation, 'stranger-again', 1);
      await scene().workstation.type('kubectl delete pods --all --now');
    });
  });
}

/** As an operator does it by hand: fetched, compared with what the start printed, put in place. */
async function fetchAuthority(
  { registry, fingerprint }: Scene,
  { type }: Terminal,
  certificates: string,
) {
  await type(`curl -fsSko ca.crt https://${registry}/ca.crt`);
  const found = await type('openssl x509 -in ca.crt -noout -fingerprint -sha256');
  assert.equal(found.trim().split('=')[1], fingerprint);
  await type(`mkdir -p ${certificates}/${registry}`);
  await type(`cp ca.crt ${certificates}/${registry}/`);
  assert.equal(await type(`ls -A ${certificates}/${registry}`), 'ca.crt\n');
}

async function trustByBerth({ registry, fingerprint }: Scene, { type }: Terminal) {
  const command = `./berth trust ${registry} --fingerprint ${fingerprint}`;
  const written = await type(command);
  for (const path of [
    `/etc/docker/certs.d/${registry}/ca.crt`,
    `/etc/containerd/certs.d/${registry}/ca.crt`,
    `/etc/containerd/certs.d/${registry}/hosts.toml`,
    `/etc/containers/certs.d/${registry}/ca.crt`,
    `/usr/local/share/ca-certificates/berth-${registry.replace(':', '_')}.crt`,
  ]) {
    assert.match(written, new RegExp(`^\\w+ +written ${RegExp.escape(path)}$`, 'm'));
  }
  assert.doesNotMatch(await type(command), /written/);
}

function helmLogin({ registry, workstation, admin }: Scene, outcome: 'type' | 'fails') {
  const { username, password } = admin;
  return workstation[outcome](
    `echo ${quoted(password)} | helm registry login --username ${username} --password-stdin ${registry}`,
  );
}
