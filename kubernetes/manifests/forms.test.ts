import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { Refusal } from '#lib/errors.ts';
import { features, wantedRules } from './access.ts';
import { connectCommands } from './commands.ts';
import { type ManifestOptions, manifestText } from './forms.ts';

const nodes = {
  items: [
    {
      metadata: { name: 'a' },
      status: {
        nodeInfo: { osImage: 'Debian 12', kubeletVersion: 'v1.36.3', architecture: 'amd64' },
        images: [{ names: ['registry.k8s.io/pause:3.10'] }],
      },
    },
  ],
};

const options: ManifestOptions = {
  cluster: 'prod',
  registry: 'reg.test:5000',
  authorities: 'PEM\n',
  settings: {
    addresses: [],
    node_image: '',
    set_config_path: false,
    credential_provider: 'install',
    pull_secrets: true,
    webhook: false,
    review_tokens: false,
  },
  agent: { tag: '1.2.3', digest: 'sha256:abc', architectures: ['amd64'] },
  token: 'berth_connect_secret',
  nodes,
};

describe('the text that is applied', () => {
  test('is divided for GitOps into what lasts and what the agent changes, the token among it', () => {
    const documents = (form: 'kubectl' | 'gitops' | 'handover') =>
      parseAllDocuments(manifestText(form, options)).map((document) => document.toJS());
    const [lasting, handedOver] = [documents('gitops'), documents('handover')];
    const named = ({ kind, metadata }: (typeof lasting)[number]) => `${kind} ${metadata.name}`;
    assert.deepEqual(handedOver.map(named), [
      'Secret berth-connect',
      'ConfigMap berth-node',
      'DaemonSet berth-node',
    ]);
    assert.deepEqual(
      [...lasting, ...handedOver].sort((one, other) => named(one).localeCompare(named(other))),
      documents('kubectl').sort((one, other) => named(one).localeCompare(named(other))),
    );
    assert.doesNotMatch(manifestText('gitops', options), /berth_connect_/);
  });

  test('holds nothing for GitOps that the agent makes by itself', () => {
    const made = wantedRules(options.registry, new Set(features)).filter(({ verbs }) =>
      verbs.includes('create'),
    );
    const documents = parseAllDocuments(manifestText('gitops', options));
    assert.ok(made.length > 0 && documents.length > 0);
    for (const document of documents) {
      const { kind, metadata } = document.toJS();
      const plural = `${kind.toLowerCase()}s`;
      assert.ok(
        !made.some(
          ({ resources = [], resourceNames = [] }) =>
            resources.includes(plural) && resourceNames.includes(metadata.name),
        ),
        `${kind} ${metadata.name}`,
      );
    }
  });

  test('names the image of the agent by its digest, and as an import does where there is no pull', () => {
    const image = (form: 'kubectl' | 'air-gapped') =>
      /image: (reg.test:5000\/\S+)$/m.exec(manifestText(form, options))?.[1];
    assert.equal(image('kubectl'), 'reg.test:5000/berth/agent:1.2.3@sha256:abc');
    assert.equal(image('air-gapped'), 'reg.test:5000/berth/agent:1.2.3');
  });

  test('has the agent run where its image can, and is refused where it can nowhere', () => {
    const [agent] = parseAllDocuments(manifestText('kubectl', options))
      .map((document) => document.toJS())
      .filter(({ kind }) => kind === 'Deployment');
    const { nodeAffinity } = agent.spec.template.spec.affinity;
    const [term] = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
    assert.deepEqual(term.matchExpressions, [
      { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] },
    ]);
    const others = structuredClone(nodes);
    for (const item of others.items) item.status.nodeInfo.architecture = 'arm64';
    assert.throws(
      () => manifestText('kubectl', { ...options, nodes: others }),
      /The agent's image is made for amd64, and the nodes are arm64: run Berth from a package/,
    );
  });

  test('as values of the chart holds what the nodes have', () => {
    const values = parse(manifestText('helm', options));
    assert.deepEqual(values.nodeImages, [{ image: 'registry.k8s.io/pause:3.10', shell: 'host' }]);
    assert.equal(values.token, 'berth_connect_secret');
  });

  test('is refused with a cure where nobody knows an image', () => {
    const talos = structuredClone(nodes);
    for (const item of talos.items) item.status.nodeInfo.osImage = 'Talos (v1.9)';
    for (const [given, reason] of [
      [undefined, /kubectl get nodes/],
      [{}, /kubectl get nodes/],
      [talos, /The nodes a have neither a shell/],
    ] as const) {
      assert.throws(
        () => manifestText('kubectl', { ...options, nodes: given }),
        (error) =>
          error instanceof Refusal &&
          error.kind === 'invalid' &&
          reason.test(error.message) &&
          /--node-image IMAGE/.test(error.message),
      );
      const settings = { ...options.settings, node_image: 'busybox:1' };
      assert.match(
        manifestText('kubectl', { ...options, nodes: given, settings }),
        /image: busybox:1$/m,
      );
    }
  });
});

describe('the commands to paste', () => {
  const commands = connectCommands({
    cluster: 'prod',
    registry: 'reg.test:5000',
    pin: 'sha256//aB3+/x=',
    ownAuthority: true,
    token: 'berth_connect_secret',
    version: '1.2.3',
  });

  for (const shell of ['/usr/bin/bash', '/usr/bin/dash']) {
    test(`reach ${shell} word for word, whatever is put before kubectl`, () => {
      const said = (command: string) =>
        execFileSync(
          shell,
          [
            '-c',
            `sudo() { "$@"; }; kubectl() { cat >/dev/null; printf '%s\\n' kubectl "$@" >&2; }; curl() { cat >/dev/null; printf '%s\\n' curl "$@" >&2; }; exec 2>&1; ${command}`,
          ],
          { input: '', encoding: 'utf8' },
        );
      const plain = said(commands.kubectl).split('\n');
      for (const word of [
        'sha256//aB3+/x=',
        'Authorization: Bearer berth_connect_secret',
        'https://reg.test:5000/api/v2.0/agent/manifests',
      ]) {
        assert.ok(plain.includes(word), word);
      }
      const asRoot = said(commands.kubectl.replaceAll('kubectl ', 'sudo kubectl ')).split('\n');
      assert.deepEqual(asRoot.sort(), plain.sort());
    });
  }

  test('give Helm the authority where the server has its own, and only there', () => {
    assert.match(commands.helm, /ca\.crt && .*--ca-file berth-agent-ca\.crt/);
    const brought = connectCommands({
      cluster: 'prod',
      registry: 'reg.test',
      pin: 'sha256//x',
      ownAuthority: false,
      token: 't',
      version: '1.2.3',
    });
    assert.doesNotMatch(brought.helm, /ca\.crt|--ca-file/);
  });

  test('hold no glob that zsh would look for files by', () => {
    for (const command of Object.values(commands)) {
      assert.doesNotMatch(command.replaceAll(/'[^']*'/g, ''), /[?*[\]#!]|\s[=~]/);
    }
  });
});
