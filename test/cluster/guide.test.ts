import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ClusterNode } from '#contract/clusters.ts';
import { haveOwnClone } from '#test/clone.ts';
import { commandsOf } from '#test/commands.ts';
import { waitFor } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { type Bed, privateProject, startBed } from './bed.ts';
import { running } from './pods.ts';

/** Argument: the file for figures. */
const [figures = ''] = process.argv.slice(2);

const text = readFileSync(join(repositoryRoot, 'docs/kubernetes.md'), 'utf8');
const page = { name: 'docs/kubernetes.md', programs: ['./berth', 'kubectl'], placeholders: [] };

describe('docs/kubernetes.md, typed from top to bottom', () => {
  const commands = commandsOf(text, page);
  let bed: Bed;

  before(async () => {
    bed = await startBed({ version: '2.4', figures, name: 'registry.example.com', nodes: 1 });
    await Promise.all(bed.cluster.nodes.map((node) => node.haveServices()));
    await haveOwnClone(bed.operator.host);
    await bed.push(`${privateProject}/web:1.0`);
    await bed.operator.type('kubectl create namespace shop');
  });
  after(() => bed?.stop());

  for (const [index, command] of commands.entries()) {
    test(command, async () => {
      const asks = command.includes(' disconnect ');
      const typed = command.replace('10.0.0.5', bed.lan.address(2));
      const said = await bed.clone.type(typed, asks ? { answers: ['y'] } : {});
      if (asks) assert.match(said, /Nothing of Berth is left in it\./);
      // The first command is the one whose answer is to be pasted.
      const pasted = /^kubectl get nodes .*$/m.exec(said)?.[0];
      if (index === 0) {
        assert.ok(pasted, said);
        await bed.operator.type(pasted);
      }
    });

    if (command.startsWith('kubectl run')) {
      test('the pod runs', () => running(bed.operator, '--namespace shop', 1));
    }
    if (command.includes('--credential-provider configure')) {
      test('the kubelet is restarted, and knows the provider', async () => {
        await waitFor(() => bed.berthJson('cluster nodes production'), {
          what: 'the provider to be active',
          until: (nodes) => (nodes as ClusterNode[])[0]?.credentialProvider.state === 'active',
        });
      });
    }
    if (command.includes('--no-pull-secrets')) {
      test('the pod that comes next pulls without a Secret', async () => {
        const references =
          "kubectl get serviceaccount default --namespace shop --output jsonpath='{.imagePullSecrets}'";
        await waitFor(() => bed.operator.type(references), {
          what: 'the reference to the Secret to go',
          until: (said) => said === '',
        });
        const later = await bed.push(`${privateProject}/web:2.0`);
        await bed.operator.type(`kubectl run later --namespace shop --image ${later}`);
        await running(bed.operator, '--namespace shop', 2);
        await bed.berth.hasLogged(/workload production\/shop\/default/);
      });
    }
  }
});
