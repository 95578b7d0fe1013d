import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createLan, type Lan } from '#test/hosts.ts';
import { occupyMachine } from '#test/lock.ts';
import { waitFor } from '#test/processes.ts';
import {
  busyboxImage,
  type Cluster,
  type ContainerdVersion,
  clusterTools,
  startCluster,
  startDocker,
} from './index.ts';

/** Shows that the bed itself stands: run by hand as `node test/cluster/bed.check.ts`. */
let passed = 0;
let failed = 0;

async function check<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  try {
    const value = await action();
    passed += 1;
    console.log(`ok      ${seconds().padStart(7)}  ${what}`);
    return value;
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${seconds().padStart(7)}  ${what}`);
    throw error;
  }
}

async function checkHosts(lan: Lan): Promise<void> {
  const [registry, operator] = await check('two hosts stand on the LAN', () =>
    Promise.all([
      lan.addHost({ name: 'registry', address: '10.77.0.2' }),
      lan.addHost({ name: 'operator', address: '10.77.0.3' }),
    ]),
  );
  await check("a host's /etc/resolv.conf is its own", async () => {
    const before = await readFile('/etc/resolv.conf', 'utf8');
    await registry.write('/etc/resolv.conf', 'nameserver 10.77.0.2\n');
    assert.equal(await registry.exec('cat', '/etc/resolv.conf'), 'nameserver 10.77.0.2\n');
    assert.notEqual(await operator.exec('cat', '/etc/resolv.conf'), 'nameserver 10.77.0.2\n');
    assert.equal(await readFile('/etc/resolv.conf', 'utf8'), before);
  });
  await check('a host is reached by its name, across the LAN', async () => {
    await lan.resolve({ 'registry.berth.test': registry.address });
    const server = await registry.spawn('httpd', 'busybox', ['httpd', '-f', '-h', '/etc']);
    const answer = await waitFor(
      () => operator.shell('exec 3<>/dev/tcp/registry.berth.test/80; echo open'),
      { what: 'the web server', programs: [server] },
    );
    assert.equal(answer, 'open\n');
    await server.stop();
    await assert.rejects(operator.shell('exec 3<>/dev/tcp/registry.berth.test/80'), /refused/);
  });
  const docker = await check('dockerd answers', () => startDocker(operator));
  await check('docker runs an image that was loaded', async () => {
    const image = await busyboxImage('registry.berth.test/ithome/netutils:latest');
    await docker.load(image);
    const command = ['cat', '/etc/marker'];
    const output = await docker.docker(
      'run',
      '--rm',
      '--network=none',
      image.reference,
      ...command,
    );
    assert.equal(output, `${image.reference}\n`);
  });
  await check('dockerd stops', () => docker.stop());
}

async function checkCluster(lan: Lan, version: ContainerdVersion): Promise<void> {
  const nodes = [{ name: 'node-1', address: '10.77.0.11', containerd: version }];
  const cluster = await check(`a cluster on containerd ${version} is Ready`, () =>
    startCluster({ lan, nodes }),
  );
  await check('a pod runs from an image that was imported', () => runPod(cluster, 'first'));
  await check('the API server reaches into the pod', async () => {
    const marker = await cluster.kubectl('exec', 'first', '--', 'cat', '/etc/marker');
    assert.equal(marker, 'berth.test/bed/busybox:first\n');
  });
  await check('the pod goes', () => cluster.kubectl('delete', 'pod', 'first', '--now'));
  await check('the cluster stops', () => cluster.stop());
}

async function runPod(cluster: Cluster, name: string): Promise<void> {
  const image = await busyboxImage(`berth.test/bed/busybox:${name}`);
  await Promise.all(cluster.nodes.map((node) => node.containerd.load(image)));
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      containers: [{ name: 'main', image: image.reference, imagePullPolicy: 'Never' }],
      terminationGracePeriodSeconds: 0,
    },
  });
  const phase = ['get', 'pod', name, '--output', 'jsonpath={.status}'];
  await waitFor(() => cluster.kubectl(...phase), {
    what: `the pod ${name} to be running`,
    until: (status) => status.includes('"phase":"Running"'),
  });
}

await using _machine = await occupyMachine('bed');
await check('the tools are there', clusterTools);
const lan = await check('the LAN stands, earlier remains are gone', () => createLan('bed'));
try {
  await checkHosts(lan);
  await checkCluster(lan, '2.4');
  await checkCluster(lan, '1.6');
} catch (error) {
  console.error(error);
}
await check('all is removed', () => lan.stop());
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
