import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  essenceOf,
  isHelmChartLayer,
  isImageMediaType,
  isIndexMediaType,
  isManifestMediaType,
  isNonDistributableLayer,
  isSchema1MediaType,
  manifestMediaTypes,
  mediaTypes,
} from './media-types.ts';

const all = Object.values(mediaTypes).flatMap((group): string[] => Object.values(group));

test('each manifest media type is an image or an index, and no other media type is either', () => {
  const { oci, docker } = mediaTypes;
  assert.deepEqual(all.filter(isImageMediaType), [oci.manifest, docker.manifest]);
  assert.deepEqual(all.filter(isIndexMediaType), [oci.index, docker.manifestList]);
  assert.deepEqual(all.filter(isManifestMediaType).sort(), [...manifestMediaTypes].sort());
  assert.deepEqual(all.filter(isSchema1MediaType), [docker.schema1, docker.signedSchema1]);
});

test('foreign and non-distributable layers are told apart from layers that are pushed', () => {
  assert(isNonDistributableLayer('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'));
  for (const suffix of ['', '+gzip', '+zstd']) {
    assert(
      isNonDistributableLayer(`application/vnd.oci.image.layer.nondistributable.v1.tar${suffix}`),
    );
  }
  assert.deepEqual(all.filter(isNonDistributableLayer), [mediaTypes.docker.foreignLayerGzip]);
});

test('charts of Helm before and since 3.7 are both charts', () => {
  assert.deepEqual(all.filter(isHelmChartLayer), [
    'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    'application/tar+gzip',
  ]);
});

test('the essence of a Content-Type leaves out parameters, spaces and capitals', () => {
  assert.equal(essenceOf(' Application/JSON ; charset=utf-8'), 'application/json');
  assert.equal(essenceOf(''), '');
});
