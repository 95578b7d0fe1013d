import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { ClusterSettings } from '#contract/clusters.ts';
import { type Feature, features, wantedRules } from './access.ts';
import { type ConnectOptions, connectManifests, featuresOf } from './connect.ts';
import { listAccess } from './listed-access.ts';
import type { KubernetesObject } from './object.ts';
import { manifestYaml } from './yaml.ts';

const options: ConnectOptions = {
  cluster: 'prod',
  registry: { name: 'reg.test:5000', addresses: ['https://10.0.0.1:5000'] },
  agentImage: 'reg.test:5000/berth/agent:1',
  agentArchitectures: ['amd64'],
  token: 'berth_connect_secret',
  features: new Set(features),
  nodeFiles: { 'node.sh': '#!/bin/sh\n' },
  nodeImages: [
    { image: 'r/pause:3.10', shell: 'host', hosts: undefined },
    { image: 'r/busybox:1', shell: 'image', hosts: ['t1', 't2'] },
  ],
  kubernetesMinor: 36,
};

function named(objects: readonly KubernetesObject[], kind: string): string[] {
  return objects.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name);
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function rulesOf(objects: readonly KubernetesObject[], kind: string): Rule[] {
  return objects.flatMap((each) => (each.kind === kind ? (each.rules as Rule[]) : []));
}

describe('what is applied', () => {
  test('is all labelled as ours, and stands in our namespace or in none', () => {
    for (const { kind, metadata } of connectManifests(options)) {
      assert.equal(metadata.labels['app.kubernetes.io/managed-by'], 'berth', kind);
      assert.equal(metadata.labels['app.kubernetes.io/part-of'], 'berth', kind);
      assert.ok(metadata.namespace === undefined || metadata.namespace === 'berth', kind);
    }
  });

  test('reads back from YAML as it was', () => {
    const objects = connectManifests(options);
    const documents = parseAllDocuments(manifestYaml(objects), { version: '1.1' });
    assert.deepEqual(
      [...documents].map((document) => document.toJS()),
      JSON.parse(JSON.stringify(objects)),
    );
  });

  test('holds the token once, and without it no Secret at all', () => {
    assert.equal(manifestYaml(connectManifests(options)).split('berth_connect_secret').length, 2);
    const without = connectManifests({ ...options, token: undefined });
    assert.deepEqual(named(without, 'Secret'), []);
  });

  test('holds no admission policy where Kubernetes may not know them', () => {
    for (const kubernetesMinor of [undefined, 29]) {
      const objects = connectManifests({ ...options, kubernetesMinor });
      assert.deepEqual(named(objects, 'ValidatingAdmissionPolicy'), []);
    }
    assert.deepEqual(named(connectManifests(options), 'ValidatingAdmissionPolicy'), [
      'berth-agent',
    ]);
  });

  test('has no node with two pods, and new nodes with one', () => {
    const [first, second] = connectManifests(options).filter(({ kind }) => kind === 'DaemonSet');
    const text = (object: unknown) => JSON.stringify(object);
    assert.match(text(first), /"operator":"NotIn","values":\["t1","t2"\]/);
    assert.match(text(second), /"operator":"In","values":\["t1","t2"\]/);
    assert.equal(second?.metadata.name, 'berth-node-2');
    assert.match(text(first), /"path":"\/lib64"/);
    assert.doesNotMatch(text(second), /"path":"\/lib64"/);
  });
});

describe('the rights of the agent', () => {
  test('are the ones that are listed before they are granted', () => {
    for (const wanted of [new Set<Feature>(), new Set<Feature>(features)]) {
      const objects = connectManifests({ ...options, features: wanted });
      const granted = [...rulesOf(objects, 'ClusterRole'), ...rulesOf(objects, 'Role')];
      const listed = listAccess('reg.test:5000', wanted);
      assert.equal(granted.length, listed.length);
      for (const { verbs, resources = [] } of granted) {
        const line = `${verbs.join(', ')} ${resources.join(', ')}`;
        assert.ok(
          listed.some(({ rule }) => rule.includes(line)),
          line,
        );
      }
    }
  });

  test('name no wildcard, and every rule has its reason', () => {
    for (const rule of wantedRules('reg.test:5000', new Set(features))) {
      const { apiGroup = '', resources = [], verbs, nonResourceUrls = [], reason } = rule;
      assert.ok(![apiGroup, ...resources, ...verbs, ...nonResourceUrls].includes('*'));
      assert.ok(reason.length > 10);
    }
  });

  test('reach no Secret but those of our names, in the cluster and in our namespace', () => {
    const objects = connectManifests(options);
    for (const kind of ['ClusterRole', 'Role']) {
      const ofSecrets = rulesOf(objects, kind).filter(({ resources = [] }) =>
        resources.includes('secrets'),
      );
      assert.ok(ofSecrets.length > 0, kind);
      for (const { resourceNames = [] } of ofSecrets) {
        assert.ok(resourceNames.length > 0);
        for (const name of resourceNames) assert.match(name, /^berth-/);
      }
    }
  });

  test('change nothing outside our namespace unless pull secrets are wanted', () => {
    const objects = connectManifests({ ...options, features: new Set() });
    const changes = rulesOf(objects, 'ClusterRole').filter(
      ({ verbs, resourceNames }) =>
        resourceNames === undefined && verbs.some((verb) => !/^(get|list|watch)$/.test(verb)),
    );
    assert.deepEqual(changes, []);
  });

  test('are granted by settings', () => {
    const defaults: Required<ClusterSettings> = {
      addresses: [],
      node_image: '',
      set_config_path: false,
      credential_provider: 'off',
      pull_secrets: true,
      webhook: false,
      review_tokens: false,
    };
    assert.deepEqual([...featuresOf(defaults)], ['pull-secrets']);
    const all = { ...defaults, webhook: true, review_tokens: true };
    assert.deepEqual([...featuresOf({ ...all, credential_provider: 'install' })], [...features]);
    assert.deepEqual([...featuresOf({ ...defaults, pull_secrets: false, webhook: true })], []);
    const objects = connectManifests({ ...options, features: new Set() });
    assert.deepEqual(named(objects, 'ClusterRole'), ['berth-agent']);
    assert.deepEqual(named(objects, 'Service'), []);
  });
});
