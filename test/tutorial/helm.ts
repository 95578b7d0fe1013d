import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { quoted, type Terminal } from '#test/terminal.ts';
import { running } from '../cluster/pods.ts';
import { haveSecret, trustEverywhere } from './preparation.ts';
import type { HelmVersion } from './programs.ts';
import type { Scene } from './scene.ts';

/** The chart of `helm create` pulls from Docker Hub: here its image is one that Berth serves. */
const valuesFor = ({ registry }: Scene) =>
  `--set image.repository=${registry}/ithome/web --set image.tag=1.27 --set imagePullSecrets[0].name=regcred`;
const pods = '--selector app.kubernetes.io/instance=ithome';
const unknownAuthority = /x509: certificate signed by unknown authority/;

export function helmSection(scene: () => Scene): void {
  describe('D. Helm', () => {
    before(async () => {
      const { registry, workstation } = scene();
      await trustEverywhere(scene());
      await haveSecret(scene());
      await workstation.type(`docker tag web:1.27 ${registry}/ithome/web:1.27`);
      await workstation.type(`docker push ${registry}/ithome/web:1.27`);
    });

    oldWay(scene);
    currentWay(scene, '3.22');
    currentWay(scene, '4.3');
    withoutTrust(scene);
    oneServer(scene);
  });
}

function oldWay(scene: () => Scene): void {
  describe('9. the old way, with Helm 3.3.1', () => {
    before(() => scene().useHelm('3.3'));

    test('helm registry login', async () => {
      const { registry, workstation, admin } = scene();
      assert.match(await workstation.type('helm version --short'), /^v3\.3\.1/);
      await workstation.type('export HELM_EXPERIMENTAL_OCI=1');
      const said = await workstation.type(`helm registry login -u admin ${registry}`, {
        answers: [admin.password],
      });
      assert.match(said, /Login succeeded/);
    });

    test('helm chart save, push', async () => {
      const { registry, workstation } = scene();
      assert.match(await workstation.type('helm create nginx'), /^Creating nginx$/m);
      await workstation.type('cd nginx');
      const saved = await workstation.type(`helm chart save . ${registry}/ithome/nginx:ithome`);
      assert.match(saved, /^ithome: saved$/m);
      const pushed = await workstation.type(`helm chart push ${registry}/ithome/nginx:ithome`);
      assert.match(pushed, /^ithome: pushed to remote/m);
      await workstation.type('cd .. && rm -r nginx');
    });

    test('helm chart pull, export', async () => {
      const { registry, workstation } = scene();
      await workstation.type(`helm chart remove ${registry}/ithome/nginx:ithome`);
      const pulled = await workstation.type(`helm chart pull ${registry}/ithome/nginx:ithome`);
      assert.match(pulled, /Status: Downloaded newer chart/);
      await workstation.type(`helm chart export ${registry}/ithome/nginx:ithome`);
      assert.match(await workstation.type('cat nginx/Chart.yaml'), /^version: 0\.1\.0$/m);
    });

    test('helm install, helm ls, and the pod runs', async () => {
      const { workstation } = scene();
      await workstation.type(`helm install ithome nginx/ ${valuesFor(scene())}`);
      await deployed(workstation);
      await workstation.type('rm -r nginx');
    });
  });
}

function currentWay(scene: () => Scene, version: HelmVersion): void {
  describe(`10. the current way, with Helm ${version}`, () => {
    before(async () => {
      await scene().useHelm(version);
      await scene().workstation.type('rm -rf nginx nginx-*.tgz');
    });

    test('helm registry login, package, push', async () => {
      const { registry, workstation, admin } = scene();
      assert.match(await workstation.type('helm version --short'), new RegExp(`^v${version}\\.`));
      const said = await workstation.type(`helm registry login -u admin ${registry}`, {
        answers: [admin.password],
      });
      assert.match(said, /Login Succeeded/);
      await workstation.type('helm create nginx');
      await workstation.type('helm package nginx');
      const pushed = await workstation.type(`helm push nginx-0.1.0.tgz oci://${registry}/ithome`);
      assert.match(
        pushed,
        new RegExp(`^Pushed: ${RegExp.escape(registry)}/ithome/nginx:0\\.1\\.0$`, 'm'),
      );
      await workstation.type('rm -r nginx nginx-0.1.0.tgz');
    });

    test('helm show all, pull, template', async () => {
      const { registry, workstation } = scene();
      const chart = `oci://${registry}/ithome/nginx`;
      const shown = await workstation.type(`helm show all ${chart}`);
      assert.match(shown, /^version: 0\.1\.0$/m);
      assert.match(shown, /^# Default values for nginx\.$/m);
      await workstation.type(`helm pull ${chart} --version 0.1.0`);
      assert.equal(await workstation.type('ls nginx-0.1.0.tgz'), 'nginx-0.1.0.tgz\n');
      const rendered = await workstation.type(`helm template ithome ${chart} --version 0.1.0`);
      assert.match(rendered, /^kind: Deployment$/m);
    });

    test('helm install from oci://, helm ls, and the pod runs', async () => {
      const { registry, workstation } = scene();
      await workstation.type(
        `helm install ithome oci://${registry}/ithome/nginx --version 0.1.0 ${valuesFor(scene())}`,
      );
      await deployed(workstation);
    });

    test("helm repo add on the project's index, search repo, install", async () => {
      const { registry, workstation, admin } = scene();
      await workstation.type(
        `helm repo add ithome https://${registry}/chartrepo/ithome --username admin --password ${quoted(admin.password)} --force-update`,
      );
      await workstation.type('helm repo update');
      const found = await workstation.type('helm search repo ithome/nginx');
      assert.match(found, /^ithome\/nginx\s+0\.1\.0\s+1\.16\.0\s/m);
      await workstation.type(`helm install ithome ithome/nginx ${valuesFor(scene())}`);
      await deployed(workstation);
    });
  });
}

function withoutTrust(scene: () => Scene): void {
  describe('10. on a machine that does not trust the server', () => {
    for (const version of ['3.22', '4.3'] as const) {
      test(`Helm ${version} refuses without --ca-file, and does everything with it`, async () => {
        const { registry, laptop, admin, useHelm } = scene();
        const values = valuesFor(scene());
        await useHelm(version);
        await laptop.type(`curl -fsSko ca.crt https://${registry}/ca.crt`);
        const login = `echo ${quoted(admin.password)} | helm registry login ${registry} -u admin --password-stdin`;
        assert.match(await laptop.fails(login), unknownAuthority);
        await laptop.type(`${login} --ca-file ca.crt`);

        const chart = `oci://${registry}/ithome/nginx`;
        await laptop.type('rm -rf nginx nginx-*.tgz && helm create nginx && helm package nginx');
        const push = `helm push nginx-0.1.0.tgz oci://${registry}/ithome`;
        assert.match(await laptop.fails(push), unknownAuthority);
        await laptop.type(`${push} --ca-file ca.crt`);
        await laptop.type('rm nginx-0.1.0.tgz');
        await laptop.type(`helm show all ${chart} --ca-file ca.crt`);
        assert.match(await laptop.fails(`helm pull ${chart} --version 0.1.0`), unknownAuthority);
        await laptop.type(`helm pull ${chart} --version 0.1.0 --ca-file ca.crt`);
        await laptop.type('ls nginx-0.1.0.tgz');
        await laptop.type(`helm template ithome ${chart} --version 0.1.0 --ca-file ca.crt`);
        await laptop.type(
          `helm install ithome ${chart} --version 0.1.0 --ca-file ca.crt ${values}`,
        );
        await deployed(laptop);

        const add = `helm repo add ithome https://${registry}/chartrepo/ithome --username admin --password ${quoted(admin.password)} --force-update`;
        assert.match(await laptop.fails(add), unknownAuthority);
        await laptop.type(`${add} --ca-file ca.crt`);
        assert.match(await laptop.type('helm search repo ithome/nginx'), /^ithome\/nginx\s/m);
      });
    }
  });
}

function oneServer(scene: () => Scene): void {
  describe('12. one server for both images and charts', () => {
    test('the project lists the image and the chart', async () => {
      const { registry, workstation, clone, admin } = scene();
      const shown = await clone.type('./berth project show ithome');
      assert.match(shown, /^ +ithome\/web \(1 artifact\)$/m);
      assert.match(shown, /^ +ithome\/nginx \(\d+ artifacts?\)$/m);
      const types = async (repository: string) => {
        const listed = await workstation.type(
          `curl -fsS --user ${quoted(`admin:${admin.password}`)} https://${registry}/api/v2.0/projects/ithome/repositories/${repository}/artifacts`,
        );
        const artifacts: { readonly type: string }[] = JSON.parse(listed);
        return [...new Set(artifacts.map(({ type }) => type))];
      };
      assert.deepEqual(await types('web'), ['IMAGE']);
      assert.deepEqual(await types('nginx'), ['CHART']);
    });
  });
}

/** `helm ls` shows the release, and its pod runs; then it goes, to make room for the next. */
async function deployed(terminal: Terminal): Promise<void> {
  assert.match(await terminal.type('helm ls'), /^ithome\s.*\sdeployed\s+nginx-0\.1\.0\s+1\.16\.0/m);
  await running(terminal, pods, 1);
  await terminal.type('helm uninstall ithome');
  await terminal.type(`kubectl delete pods ${pods} --now`);
}
