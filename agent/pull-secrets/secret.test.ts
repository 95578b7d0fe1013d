import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '#kubernetes/api/index.ts';
import { readPullSecret } from '#kubernetes/dockerconfigjson.ts';
import { renderPullSecret, viewPullSecret } from './secret.ts';

const purpose = { cluster: 'production', registry: 'reg.test:5000' };
const credential = {
  generation: 4,
  username: 'cluster+production+shop',
  secret: 'berth_namespace_x',
  renewAt: Date.parse('2030-01-01T00:00:00.000Z'),
};

/** As the API server answers it. */
function placed(change: Partial<Secret> = {}, metadata: Partial<Secret['metadata']> = {}): Secret {
  const secret = renderPullSecret('shop', credential, purpose, undefined);
  return {
    ...secret,
    ...change,
    metadata: { ...secret.metadata, uid: 'u', resourceVersion: '1', ...metadata },
  };
}

test('what is placed is what a kubelet reads, and is seen again as sound', () => {
  const secret = placed();
  assert.deepEqual(readPullSecret(secret), {
    ok: true,
    credentials: [
      { key: 'reg.test:5000', username: credential.username, password: credential.secret },
    ],
  });
  assert.deepEqual(viewPullSecret(secret, purpose), {
    uid: 'u',
    resourceVersion: '1',
    terminating: false,
    owner: 'ours',
    content: 'sound',
    generation: 4,
    renewAt: credential.renewAt,
    password: 'berth_namespace_x',
  });
});

test('an edit of its content, marks or purpose is seen, and can be mended in place', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
  const { labels, annotations } = placed().metadata;
  const edited: readonly Secret[] = [
    placed({ data: {} }),
    placed({ data: { '.dockerconfigjson': 'AAAA' } }),
    placed({
      data: { '.dockerconfigjson': json({ auths: { 'reg.test:5000': { auth: 'dTpw' } } }) },
    }),
    placed({}, { labels: { 'app.kubernetes.io/managed-by': 'berth' } }),
    placed({}, { labels: {} }),
    placed({}, { annotations: { ...annotations, 'berth/generation': 'many' } }),
    placed({}, { annotations: {}, labels: { ...labels } }),
  ];
  for (const secret of edited) {
    const view = viewPullSecret(secret, purpose);
    assert.deepEqual([view.owner, view.content], ['ours', 'mend']);
  }
  for (const other of [
    { ...purpose, registry: 'reg.test' },
    { ...purpose, cluster: 'staging' },
  ]) {
    assert.equal(viewPullSecret(placed(), other).content, 'mend');
  }
});

test('one that is immutable or of another type must be made anew', () => {
  for (const change of [{ type: 'Opaque' }, { immutable: true, data: {} }]) {
    assert.equal(viewPullSecret(placed(change), purpose).content, 'replace');
  }
  assert.equal(viewPullSecret(placed({ immutable: true }), purpose).content, 'sound');
});

test('one without any mark of ours is somebody else’s, whatever it holds', () => {
  const view = viewPullSecret(placed({}, { labels: { app: 'x' }, annotations: {} }), purpose);
  assert.equal(view.owner, 'other');
  assert.equal(view.password, '');
});

test('one in place is named by its uid, so that no other object is written', () => {
  assert.equal(renderPullSecret('shop', credential, purpose, 'u').metadata.uid, 'u');
  assert.ok(!('uid' in renderPullSecret('shop', credential, purpose, undefined).metadata));
});
