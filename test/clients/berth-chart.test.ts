import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from '#test/suite.ts';
import { ensureTools, recipes } from '#test/tools/index.ts';

const execute = promisify(execFile);
const chart = join(repositoryRoot, 'deploy', 'chart');
const needed = ['url=https://registry.example.com', 'image.repository=other.example.com/berth'];
const everything = [
  ...needed,
  'service.type=NodePort',
  'service.nodePort=30500',
  'service.nodeAddresses={192.0.2.10,192.0.2.11}',
  'ingress.enabled=true',
  'trustedProxies={10.244.0.0/16}',
  'tls.secretName=certificate',
  'tls.authorityKey=ca.crt',
  'postgresql.existingSecret=database',
  'networkPolicy.egress[0].ports[0].port=5432',
  'admin.existingSecret=first-password',
  'secretKey.existingSecret=seal',
  'metrics.existingSecret=scraper',
];

for (const release of ['helm3', 'helm4'] as const) {
  describe(`the chart berth, by ${release === 'helm3' ? 'Helm 3.22' : 'Helm 4.3'}`, () => {
    let helm: string;
    before(async () => {
      helm = (await ensureTools(recipes.clients))[release];
    });

    async function template(values: readonly string[], name = 'berth'): Promise<string> {
      const settings = values.flatMap((value) => ['--set', value]);
      const command = ['template', name, chart, '--namespace', 'registry', ...settings];
      return (await execute(helm, command)).stdout;
    }

    async function objectsOf(values: readonly string[], name?: string) {
      return parseAllDocuments(await template(values, name)).map((document) => document.toJSON());
    }

    const containerOf = async (values: readonly string[], name?: string) => {
      const objects = await objectsOf(values, name);
      const { spec } = objects.find(({ kind }) => kind === 'Deployment');
      return spec.template.spec.containers[0];
    };

    async function variableOf(variable: string, values: readonly string[], name?: string) {
      const { env } = await containerOf(values, name);
      return env.find((entry: { name: string }) => entry.name === variable);
    }

    test('is what Helm finds nothing wrong with', async () => {
      for (const values of [needed, everything]) {
        const settings = values.flatMap((value) => ['--set', value]);
        await execute(helm, ['lint', '--strict', chart, ...settings]);
      }
    });

    test('says the same each time, and makes no Secret that an upgrade would change', async () => {
      assert.equal(await template(everything), await template(everything));
      const kinds = (await objectsOf(everything)).map(({ kind }) => kind).sort();
      assert.deepEqual(kinds, [
        'Deployment',
        'Ingress',
        'NetworkPolicy',
        'PersistentVolumeClaim',
        'Service',
        'ServiceAccount',
      ]);
    });

    test('has the certificate cover the Service, its address and those of nodes', async () => {
      const { value } = await variableOf('BERTH_NAMES', everything);
      assert.equal(
        value,
        'berth,berth.registry,berth.registry.svc,berth.registry.svc.cluster.local,$(BERTH_SERVICE_HOST),192.0.2.10,192.0.2.11',
      );
      const { value: ofAnother } = await variableOf('BERTH_NAMES', needed, 'my-images');
      assert.match(ofAnother, /^my-images-berth,.*,\$\(MY_IMAGES_BERTH_SERVICE_HOST\)$/);
    });

    test('takes secrets from Secrets alone', async () => {
      const secrets = {
        BERTH_ADMIN_PASSWORD: { name: 'first-password', key: 'password' },
        BERTH_DATABASE_URL: { name: 'database', key: 'url' },
        BERTH_METRICS_TOKEN: { name: 'scraper', key: 'token' },
        BERTH_SECRET_KEY: { name: 'seal', key: 'key' },
      };
      for (const [variable, secretKeyRef] of Object.entries(secrets)) {
        assert.deepEqual(await variableOf(variable, everything), {
          name: variable,
          valueFrom: { secretKeyRef },
        });
        assert.equal(await variableOf(variable, needed), undefined);
      }
    });

    test('gives its pod no label that another version of the chart alone would change', async () => {
      const objects = await objectsOf(needed);
      const { spec } = objects.find(({ kind }) => kind === 'Deployment');
      assert.deepEqual(spec.template.metadata.labels, spec.selector.matchLabels);
    });

    const refusals: readonly [string, readonly string[], RegExp][] = [
      ['no URL', needed.slice(1), /url: where clients reach the registry/],
      ['no image', needed.slice(0, 1), /image\.repository: where nodes can pull Berth's own image/],
      ['a URL with a path', ['url=https://a.example/registry', ...needed.slice(1)], /url/],
      ['a value that it does not know', [...needed, 'replicas=2'], /replicas/],
      [
        'an ingress that nothing is trusted from',
        [...needed, 'ingress.enabled=true'],
        /trustedProxies: name the network of the ingress's pods/,
      ],
      [
        'a port of nodes that its Service would not have',
        [...needed, 'service.nodePort=30500'],
        /service\.nodePort: a Service of type ClusterIP has none/,
      ],
      [
        'an authority without the certificate that it issued',
        [...needed, 'tls.authorityKey=ca.crt'],
        /tls\.authorityKey is a key of the Secret that tls\.secretName names/,
      ],
      [
        'a database that no packet may reach',
        [...needed, 'postgresql.existingSecret=database'],
        /networkPolicy\.egress: say how PostgreSQL is reached/,
      ],
    ];
    for (const [what, values, sentence] of refusals) {
      test(`refuses ${what}`, async () => {
        await assert.rejects(template(values), sentence);
      });
    }
  });
}

// Without a cluster, Helm 3 shows none of this.
test('the chart berth tells what comes next, with the addresses that nodes are to be told', async () => {
  const { helm4 } = await ensureTools(recipes.clients);
  const notes = async (values: readonly string[]) => {
    const settings = values.flatMap((value) => ['--set', value]);
    const command = ['install', 'berth', chart, '--dry-run=client', ...settings];
    return (await execute(helm4, command)).stdout.split('NOTES:')[1] ?? '';
  };
  assert.match(await notes(needed), / berth cluster connect NAME\n/);
  assert.match(
    await notes(everything),
    / berth cluster connect NAME --address https:\/\/192\.0\.2\.10:30500 --address https:\/\/192\.0\.2\.11:30500\n/,
  );
  const pinned = /pinned to Berth's own, and refuse the ingress's/;
  assert.doesNotMatch(await notes(everything), pinned);
  const ingress = ['ingress.enabled=true', 'trustedProxies={10.244.0.0/16}'];
  assert.match(await notes([...needed, ...ingress]), pinned);
});
