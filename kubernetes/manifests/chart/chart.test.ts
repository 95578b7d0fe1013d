import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { connectParts } from '../connect.ts';
import { shells } from '../node-images.ts';
import { agentChart, agentChartFiles } from './chart.ts';
import { filledIn, templateOf } from './template.ts';

const files = agentChartFiles('1.2.3', ['amd64']);

describe('the chart berth-agent', () => {
  test('is the same bytes for the same version', async () => {
    const archive = await agentChart('1.2.3', ['amd64']);
    assert.deepEqual(archive, await agentChart('1.2.3', ['amd64']));
    assert.match(gunzipSync(archive).toString(), /^berth-agent\/Chart\.yaml/);
    assert.equal(parse(files['Chart.yaml'] ?? '').version, '1.2.3');
  });

  test('holds every object that may be applied, and asks for every value that it declares', () => {
    const templates = Object.entries(files)
      .filter(([path]) => path.startsWith('templates/'))
      .map(([, text]) => text)
      .join('');
    const parts = connectParts({
      cluster: 'c',
      registry: { name: 'r', addresses: [] },
      agentImage: 'i',
      agentArchitectures: [],
      features: new Set(),
      nodeFiles: {},
      nodeImages: [],
    });
    const count = (text: string) => templates.split(text).length - 1;
    for (const kind of new Set(parts.map(({ object }) => object.kind))) {
      const wanted = parts.filter(({ object }) => object.kind === kind).length;
      assert.equal(count(`\nkind: ${kind}\n`), wanted, kind);
    }
    assert.equal(count('\nkind: DaemonSet\n'), shells.length);
    for (const [name, value] of Object.entries(parse(files['values.yaml'] ?? ''))) {
      if (name !== 'settings') assert.ok(templates.includes(`.Values.${name}`), name);
      else
        for (const key of Object.keys(value as object))
          assert.ok(templates.includes(`.Values.settings.${key}`), key);
    }
    assert.doesNotMatch(templates, /[\u27ea\u27eb]/);
  });

  test('takes no value for an action of its own', () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', labels: {} } };
    assert.equal(
      templateOf({ ...object, data: filledIn('.Values.x | toJson'), other: 'it\'s "so"' }),
      '---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  labels: {}\ndata: {{ .Values.x | toJson }}\nother: it\'s "so"\n',
    );
    assert.throws(() => templateOf({ ...object, data: { a: '{{ evil }}' } }), /Helm/);
  });
});
