import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imagesThatUse, readImage } from './images.ts';

const container = (image: string) => ({ name: 'main', image });
const secrets = (...names: string[]) => ({ imagePullSecrets: names.map((name) => ({ name })) });
const object = (kind: string, name: string, spec: object, metadata = {}) => ({
  kind,
  metadata: { name, ...metadata },
  spec,
});
const template = (spec: object) => ({ template: { spec } });

describe('the images that use a Secret', () => {
  test('are those of pods and templates that name it, init containers too', () => {
    const spec = {
      ...secrets('other', 'regcred'),
      initContainers: [container('r/a:1')],
      containers: [container('r/b'), container('r/b')],
    };
    const items = [
      object('Pod', 'debug', spec),
      object('Deployment', 'web', template(spec)),
      object('CronJob', 'nightly', { jobTemplate: { spec: template(spec) } }),
    ];
    assert.deepEqual(imagesThatUse({ items }, 'regcred'), [
      { image: 'r/a:1', workloads: ['Pod debug', 'Deployment web', 'CronJob nightly'] },
      { image: 'r/b', workloads: ['Pod debug', 'Deployment web', 'CronJob nightly'] },
    ]);
    assert.deepEqual(imagesThatUse({ items }, 'absent'), []);
  });

  test('are told by the controller, not by each of its pods', () => {
    const spec = { ...secrets('regcred'), containers: [container('r/a')] };
    const owned = { ownerReferences: [{ kind: 'ReplicaSet', name: 'web-1' }] };
    const items = [
      object('Deployment', 'web', template(spec)),
      object('ReplicaSet', 'web-1', template(spec), owned),
      object('Pod', 'web-1-a', spec, owned),
    ];
    assert.deepEqual(imagesThatUse({ items }, 'regcred'), [
      { image: 'r/a', workloads: ['Deployment web'] },
    ]);
  });

  test('get it from the service account where the pod names none itself', () => {
    const containers = [container('r/a')];
    const items = [
      { kind: 'ServiceAccount', metadata: { name: 'default' }, ...secrets('regcred') },
      { kind: 'ServiceAccount', metadata: { name: 'bare' } },
      object('Deployment', 'one', template({ containers })),
      object('Deployment', 'two', template({ containers, serviceAccountName: 'bare' })),
      object('Deployment', 'three', template({ containers, ...secrets('other') })),
    ];
    assert.deepEqual(imagesThatUse({ items }, 'regcred'), [
      { image: 'r/a', workloads: ['Deployment one'] },
    ]);
  });

  test('are none in an answer that holds none', () => {
    for (const list of [undefined, {}, { items: [] }, { items: [{}, { kind: 'Pod' }] }]) {
      assert.deepEqual(imagesThatUse(list, 'regcred'), []);
    }
  });
});

test('what is no image is told apart', () => {
  assert.equal(readImage('reg.test:5000/team/app:v1')?.registry, 'reg.test:5000');
  assert.equal(readImage('reg.test/Team/App'), undefined);
  assert.equal(readImage(''), undefined);
});
