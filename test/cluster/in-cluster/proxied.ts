import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Host } from '#test/hosts.ts';
import { type Postgres, startPostgres } from '#test/postgres.ts';
import { quoted } from '#test/terminal.ts';
import type { Scene } from '../../tutorial/scene.ts';
import type { Bed } from '../bed.ts';
import { createClusterAuthority, type KeyPair } from '../identities.ts';
import { insideNamespace, type Page, proxiedName, readStart, type Start } from './page.ts';
import { volumeFolder } from './preparation.ts';
import { startProxy, type TlsProxy } from './proxy.ts';

const release = 'images';
const name = `${release}-berth`;
const image = `${proxiedName}/ithome/netutils:latest`;

/** A Berth whose metadata PostgreSQL keeps, and whose TLS ends before it. */
export function proxiedDescription(bed: () => Bed, page: () => Page, scene: () => Scene): void {
  describe('Berth in the cluster on PostgreSQL, behind a proxy that ends TLS, in the place of an ingress controller', () => {
    const inNamespace = (command: string) =>
      bed().operator.type(`kubectl --namespace ${insideNamespace} ${command}`);
    const ownPods = `--selector app.kubernetes.io/instance=${release}`;
    let postgres: Postgres;
    let host: Host;
    let pair: KeyPair;
    let proxy: TlsProxy;
    let start: Start;

    before(async () => {
      const { lan, operator } = bed();
      [postgres, host] = await Promise.all([
        startPostgres({ address: lan.gateway }),
        lan.addHost({ name: 'ingress', number: 6 }),
      ]);
      // Any authority that nobody trusts yet will do.
      const authority = await createClusterAuthority();
      pair = await authority.server([{ type: 'dns', value: proxiedName }]);
      const files = {
        'tls.crt': pair.certificate,
        'tls.key': pair.key,
        'ca.crt': authority.certificate,
      };
      for (const [file, text] of Object.entries(files)) {
        await operator.type(`cat >${file}`, { input: text });
      }
      // As cert-manager writes it.
      await inNamespace(
        `create secret generic images-tls --type=kubernetes.io/tls ${Object.keys(files)
          .map((file) => `--from-file=${file}`)
          .join(' ')}`,
      );
      const { workstation } = scene();
      await workstation.host.resolve({ [proxiedName]: host.address });
      await workstation.host.write(`/etc/docker/certs.d/${proxiedName}/ca.crt`, files['ca.crt']);
    });
    after(async () => {
      await bed().operator.type(
        `helm uninstall ${release} --ignore-not-found --wait --namespace ${insideNamespace}`,
      );
      await proxy?.stop();
      await host?.stop();
      await postgres?.stop();
    });

    test('Helm installs it', async () => {
      const { operator } = bed();
      const names = {
        'postgres://berth:PASSWORD@192.0.2.20:5432/berth': await postgres.createDatabase(),
        '10.244.0.0/16': host.address,
      };
      const inPage = `kubectl --namespace ${insideNamespace} create secret`;
      for (const beginning of [inPage, `helm install ${release}`]) {
        await operator.type(page().command(beginning, names));
      }
      await isReady();
      start = readStart(await inNamespace(`logs deployment/${name}`));
      proxy = await startProxy(host, pair, await podAddress());
    });

    test('docker signs in, pushes and pulls through the proxy', async () => {
      const { type } = scene().workstation;
      await type(
        `echo ${quoted(start.password)} | docker login --username admin --password-stdin ${proxiedName}`,
      );
      await type(`docker tag netutils:latest ${image}`);
      assert.match(await type(`docker push ${image}`), /^latest: digest: sha256:/m);
      await pullAgain();
    });

    test('its key is the one that a pasted connect command is pinned to', async () => {
      const { type } = scene().workstation;
      const told = await type(`curl -fsSk https://${proxiedName}/api/v2.0/authority`);
      const { public_key_pin: pin } = JSON.parse(told);
      await type(`curl -fsSk --pinnedpubkey '${pin}' https://${proxiedName}/ca.crt`);
    });

    test('what it holds outlives its pod, and its volume holds no metadata', async () => {
      await inNamespace(`delete pod ${ownPods} --now`);
      await isReady();
      await proxy.forwardTo(await podAddress());
      await pullAgain();
      const [node] = bed().cluster.nodes;
      const files = await node?.host.shell(`ls -A '${volumeFolder(bed(), 'berth-data-2')}'`);
      assert.match(files ?? '', /blobs/);
      assert.doesNotMatch(files ?? '', /database/);
    });

    function isReady(): Promise<string> {
      return inNamespace(`rollout status deployment/${name} --timeout=110s`);
    }

    function podAddress(): Promise<string> {
      return inNamespace(`get pod ${ownPods} --output jsonpath='{.items[0].status.podIP}'`);
    }

    async function pullAgain(): Promise<void> {
      const { type } = scene().workstation;
      await type(`docker rmi --force $(docker images --quiet ${image})`);
      assert.match(await type(`docker pull ${image}`), /^Digest: sha256:/m);
    }
  });
}
