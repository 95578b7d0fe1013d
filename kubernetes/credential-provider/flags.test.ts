import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { kubeletFlags, placesIn, settingsOf, withKubeadmFlags } from './flags.ts';

const places = { configFile: '/b/config.yaml', binaryFolder: '/b/bin' };
const [config, folder] = kubeletFlags(places);

describe('the flags of a kubelet', () => {
  test('tell where its credential providers are, the last one counting', () => {
    assert.deepEqual(
      placesIn(['kubelet', `${config}`, '--image-credential-provider-bin-dir', '/b/bin']),
      places,
    );
    assert.deepEqual(placesIn(['--image-credential-provider-config=/a', `${config}`]), {
      configFile: places.configFile,
    });
    assert.deepEqual(placesIn(['kubelet', '--image-credential-provider-config']), {});
  });

  test('are put into what kubeadm wrote, once, and taken out again', () => {
    const existing = 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --pod-infra-container-image=p:3"\n';
    const changed = withKubeadmFlags(existing, places);
    assert.equal(
      changed,
      `KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --pod-infra-container-image=p:3 ${config} ${folder}"\n`,
    );
    assert.equal(withKubeadmFlags(changed, places), changed);
    assert.equal(withKubeadmFlags(changed, undefined), existing);
  });

  test('are put into a file of kubeadm that is written in another way', () => {
    const added = `KUBELET_KUBEADM_ARGS="${config} ${folder}"\n`;
    assert.equal(withKubeadmFlags('', places), added);
    assert.equal(withKubeadmFlags('# mine', places), `# mine\n${added}`);
    assert.equal(withKubeadmFlags('KUBELET_KUBEADM_ARGS=""\n', places), added);
    assert.equal(
      withKubeadmFlags('KUBELET_KUBEADM_ARGS=--a=$&\nX=1\n', places),
      `KUBELET_KUBEADM_ARGS="--a=$& ${config} ${folder}"\nX=1\n`,
    );
  });

  test('are settings by the same names for k3s', () => {
    assert.deepEqual(parse(settingsOf(places)), {
      'image-credential-provider-config': places.configFile,
      'image-credential-provider-bin-dir': places.binaryFolder,
    });
  });
});
