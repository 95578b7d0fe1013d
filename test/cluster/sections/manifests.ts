import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { ConnectionOffer } from '#contract/clusters.ts';
import { features, roleName, wantedRules } from '#kubernetes/manifests/access.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { quoted } from '#test/terminal.ts';
import { ensureTools, recipes } from '#test/tools/index.ts';
import { type Bed, registry } from '../bed.ts';

/** Offered, and never connected. */
const name = 'trial';
const agent = 'system:serviceaccount:berth:berth-agent';
const bedPause = 'registry.k8s.io/pause:3.10';
/** No pod runs this, so that nothing is laid down on nodes. */
const noImage = 'berth.test/none:1';

interface Applied {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

export function manifestsSection(bed: () => Bed): void {
  describe('what is applied to a cluster', () => {
    let offer: ConnectionOffer;
    let yaml: string;

    before(async () => {
      offer = (await bed().berthJson(
        `cluster connect ${name} --webhook --review-tokens`,
      )) as ConnectionOffer;
      yaml = await bed().operator.type(offer.commands.kubectl.replace(/ \| kubectl apply.*/, ''));
    });
    after(() => bed().clone.type(`./berth cluster disconnect ${name} --yes`));

    test('is what the API server takes, every field of it', async () => {
      const { operator } = bed();
      await operator.type('kubectl create namespace berth');
      try {
        const said = await operator.type(
          offer.commands.kubectl.replace(
            'kubectl apply',
            'kubectl apply --dry-run=server --validate=strict',
          ),
        );
        for (const { kind, metadata } of documents(yaml)) {
          const line = new RegExp(`^${kind}\\S*/${metadata.name} \\w+ \\(server dry run\\)$`, 'im');
          assert.match(said, line);
        }
      } finally {
        await operator.type('kubectl delete namespace berth');
      }
    });

    test('runs on nodes by the image that they have', () => {
      const daemonSets = documents(yaml).filter(({ kind }) => kind === 'DaemonSet');
      assert.equal(daemonSets.length, 1);
      assert.ok(JSON.stringify(daemonSets).includes(`"image":"${bedPause}"`));
    });

    test('is fetched by dash as by bash, with sudo before kubectl', async () => {
      const { operator } = bed();
      const fetching = offer.commands.kubectl.replace('| kubectl apply -f -', '| cat');
      for (const command of [
        fetching,
        `sudo() { "$@"; }; ${fetching.replaceAll('kubectl get', 'sudo kubectl get')}`,
      ]) {
        assert.equal(await operator.type(`dash -c ${quoted(command)}`), yaml);
      }
    });

    test('is refused by a sentence that kubectl shows', async () => {
      const { operator } = bed();
      const wrong = offer.commands.kubectl.replace(offer.token, `${offer.token.slice(0, -4)}AAAA`);
      const said = await operator.fails(wrong);
      assert.match(said, /berth cluster connect NAME|berth cluster connect trial/, said);
    });

    for (const version of ['helm3', 'helm4'] as const) {
      describe(`by ${version}`, () => {
        let helm: string;
        before(async () => {
          helm = (await ensureTools(recipes.clients))[version];
        });
        const run = (verb: string, more = '') =>
          bed().operator.type(
            `${offer.commands.helm.replace(/ helm upgrade --install /, ` ${helm} ${verb} `)} ${more}`,
          );

        test('is the same', async () => {
          const said = await run(
            'template',
            '--api-versions admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy',
          );
          assert.deepEqual(documents(said), documents(yaml));
        });

        test('finds the image of nodes by itself', async () => {
          const said = await run(
            'upgrade --install',
            "--dry-run=server --set-json 'nodeImages=[]'",
          );
          assert.ok(said.includes(`image: "${bedPause}"`), said.slice(-2_000));
        });

        test('is installed, holds the agent to its rights, and goes again', async () => {
          const { operator } = bed();
          await run('upgrade --install', `--set nodeImage=${noImage}`);
          assert.match(await operator.type(`${helm} list --namespace berth`), /deployed/);
          await rightsOf(bed());
          await operator.type(`${helm} uninstall berth-agent --namespace berth`);
          await waitFor(() => operator.type('kubectl get namespace berth --ignore-not-found'), {
            what: 'the namespace berth to be gone',
            until: (text) => text === '',
          });
          const kinds =
            'clusterrole,clusterrolebinding,mutatingwebhookconfiguration,validatingadmissionpolicy,validatingadmissionpolicybinding';
          const left = await operator.type(
            `kubectl get ${kinds} --selector app.kubernetes.io/part-of=berth --output name`,
          );
          assert.doesNotMatch(left, /berth-agent/);
        });
      });
    }
  });
}

function documents(text: string): Applied[] {
  const from = text.search(/^(---|# Source)/m);
  return parseAllDocuments(text.slice(from), { version: '1.1' })
    .map((document) => document.toJS() as Applied | null)
    .filter((object) => object !== null)
    .sort((one, other) => keyOf(one).localeCompare(keyOf(other)));
}

function keyOf({ kind, metadata }: Applied): string {
  return `${kind} ${metadata.name}`;
}

/** What RBAC and the admission policy say to the agent, asked as the agent. */
async function rightsOf(bed: Bed): Promise<void> {
  const { operator } = bed;
  for (const {
    verbs,
    resources = [],
    resourceNames = [''],
    scope,
    holder,
    apiGroup,
  } of wantedRules(registry, new Set(features))) {
    const [resource] = resources;
    if (holder !== undefined || resource === undefined) continue;
    const [type, subresource] = resource.split('/');
    const group = apiGroup ? `.${apiGroup}` : '';
    const what = `${type}${group}${resourceNames[0] && `/${resourceNames[0]}`}`;
    const where = scope === 'cluster' ? '--all-namespaces' : '--namespace berth';
    const sub = subresource === undefined ? '' : `--subresource ${subresource}`;
    const said = await operator.type(
      `kubectl auth can-i ${verbs[0]} ${what} ${sub} ${where} --as ${agent} 2>/dev/null`,
    );
    assert.equal(said, 'yes\n', `${verbs[0]} ${what}`);
  }
  for (const denied of ['get secrets', 'list secrets', 'create secrets', 'create pods', '*  *']) {
    await operator.fails(`kubectl auth can-i ${denied} --all-namespaces --as ${agent}`);
  }
  const namespace = 'rights';
  await operator.type(`kubectl create namespace ${namespace}`);
  const apply = (secret: string, type: string, where = namespace) =>
    [
      `kubectl create secret generic ${secret} --type ${type} --namespace ${where}`,
      `--from-literal .dockerconfigjson='{}' --dry-run=client --output yaml`,
      `| kubectl annotate --local --filename - kubernetes.io/service-account.name=default --output yaml`,
      `| kubectl apply --server-side --as ${agent} --filename -`,
    ].join(' ');
  const pull = 'kubernetes.io/dockerconfigjson';
  await waitFor(
    () => operator.fails(apply(pullSecretName, 'kubernetes.io/service-account-token')),
    { what: 'the admission policy to count', until: (said) => /leaves|writes/.test(said) },
  );
  await operator.type(apply(pullSecretName, pull));
  assert.match(await operator.fails(apply('other', pull)), /forbidden/);
  assert.match(
    await operator.fails(apply(pullSecretName, pull, 'kube-system')),
    /leaves the namespaces of Kubernetes alone/,
  );
  const patch = (body: string) =>
    `kubectl patch serviceaccount default --namespace ${namespace} --as ${agent} --patch ${quoted(body)}`;
  await waitFor(() => operator.type(patch(`{"imagePullSecrets":[{"name":"${pullSecretName}"}]}`)), {
    what: 'the ServiceAccount default to be there and patched',
  });
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'gone' };
  for (const metadata of [
    { annotations: { role: 'admin' } },
    { finalizers: ['berth.test/kept'] },
    { ownerReferences: [owner] },
  ]) {
    assert.match(
      await operator.fails(patch(JSON.stringify({ metadata }))),
      /changes imagePullSecrets only/,
    );
  }
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'anybody', namespace: 'kube-system' },
  };
  const evict = `kubectl create --as ${agent} --raw /api/v1/namespaces/kube-system/pods/anybody/eviction --filename -`;
  assert.match(
    await operator.fails(`echo ${quoted(JSON.stringify(eviction))} | ${evict}`),
    /leaves the namespaces of Kubernetes alone/,
  );
  assert.match(
    await operator.fails(
      `kubectl patch clusterrole ${roleName(undefined)} --as ${agent} --type merge --patch '{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}'`,
    ),
    /attempting to grant RBAC permissions not currently held/,
  );
  await operator.type(`kubectl delete namespace ${namespace}`);
}
