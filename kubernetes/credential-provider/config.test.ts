import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import {
  mergeProviderConfig,
  providerConfig,
  providerEntry,
  UnreadableProviderConfig,
} from './config.ts';

const registry = 'reg.example.com:5000';
const entry = providerEntry(registry);

const indented = `# Of the cloud.
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider # its own
    matchImages:
      - "*.dkr.ecr.*.amazonaws.com"
    defaultCacheDuration: "12h"
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    env:
      - name: AWS_PROFILE
        value: 'node'
# The end.
`;

const flush = `kind: CredentialProviderConfig
apiVersion: kubelet.config.k8s.io/v1beta1
providers:
- apiVersion: credentialprovider.kubelet.k8s.io/v1beta1
  name: acr
  matchImages: ["*.azurecr.io"]
  defaultCacheDuration: 10m
- name: other
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: [ "a.io",
    "b.io" ]
  defaultCacheDuration: 0s`;

describe('a configuration of credential providers', () => {
  test('of this registry alone matches its images by host and port, without a path', () => {
    assert.deepEqual(parse(providerConfig(registry)), {
      apiVersion: 'kubelet.config.k8s.io/v1',
      kind: 'CredentialProviderConfig',
      providers: [entry],
    });
    assert.deepEqual(entry.matchImages, [registry]);
  });

  for (const [name, existing] of Object.entries({ indented, flush })) {
    test(`keeps every line of others (${name})`, () => {
      const merged = mergeProviderConfig(existing, registry);
      const before = parse(existing);
      assert.deepEqual(parse(merged), {
        ...before,
        apiVersion: 'kubelet.config.k8s.io/v1',
        providers: [...before.providers, entry],
      });
      const lines = merged.split('\n');
      for (const line of existing.split('\n').filter((line) => !line.includes('/v1beta1'))) {
        assert.ok(lines.includes(line), line);
      }
      assert.equal(mergeProviderConfig(merged, registry), merged);
    });
  }

  test('gets an earlier entry of this registry replaced where it stands', () => {
    const earlier = mergeProviderConfig(flush, 'old.example.com');
    const more = `${earlier}- name: third\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n  matchImages: [c.io]\n  defaultCacheDuration: 0s\n`;
    const { providers } = parse(mergeProviderConfig(more, registry));
    assert.deepEqual(
      providers.map(({ name }: { name: string }) => name),
      ['acr', 'other', 'berth-credential-provider', 'third'],
    );
    assert.deepEqual(providers[2], entry);
  });

  test('may be JSON, which stays JSON in its indentation', () => {
    const existing = `${JSON.stringify(parse(flush), null, 4)}\n`;
    const merged = mergeProviderConfig(existing, registry);
    assert.deepEqual(JSON.parse(merged).providers.at(-1), entry);
    assert.match(merged, /^\{\n {4}"/);
    assert.equal(mergeProviderConfig(merged, registry), merged);
  });

  test('keeps its comments where its providers are written in another way', () => {
    for (const providers of [
      '[{name: a, matchImages: [a.io]}] # flow',
      '[]',
      '# none yet',
      '&p\n- name: a\n',
    ]) {
      const existing = `# first\nkind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1\nproviders: ${providers}\n`;
      const merged = mergeProviderConfig(existing, registry);
      assert.match(merged, /# first/);
      assert.deepEqual(parse(merged).providers, [...(parse(existing).providers ?? []), entry]);
    }
  });

  test('that cannot be read is refused with the reason', () => {
    for (const [bad, reason] of [
      ['', /is empty|is none/],
      ['a: [', /no valid YAML/],
      ['kind: Other\n', /kind is not CredentialProviderConfig/],
      [`${indented}---\n${indented}`, /more than one document/],
      ['kind: CredentialProviderConfig\nproviders: 7\n', /no list/],
      ['x'.repeat(300_000), /too large/],
      [
        `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n`,
        /cannot be read/,
      ],
    ] as const) {
      assert.throws(
        () => mergeProviderConfig(bad, registry),
        (error) => error instanceof UnreadableProviderConfig && reason.test(error.message),
        bad.slice(0, 80),
      );
    }
  });
});
