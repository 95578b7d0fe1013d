import type { Command } from 'commander';
import type { Cluster } from '#contract/clusters.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { withApi } from '../with-api.ts';
import { checklistLines } from './checklist.ts';
import { clusterPath } from './paths.ts';

export function addCredentials(noun: Command, environment: Environment) {
  const rotate = addCommand(noun, 'rotate <name>', {
    summary: 'Give namespaces of a cluster new credentials in their pull secrets',
    description: 'The ones before go on for an hour, so that no pull fails meanwhile.',
    examples: ['berth cluster rotate prod', 'berth cluster rotate prod --namespace web'],
  }).option('-n, --namespace <namespace>', 'of this one alone');
  answers(rotate, ({ namespace }: { namespace?: string }, name: string) =>
    withApi(environment, async (api) => {
      await api.post(
        clusterPath(name, 'credential-rotations'),
        namespace === undefined ? {} : { namespace },
      );
      return {
        json: { cluster: name, ...(namespace !== undefined && { namespace }), rotated: true },
        text: `New credentials are being placed in ${namespace === undefined ? `the namespaces of ${name}` : `the namespace ${namespace} of ${name}`}.`,
        hint: `See berth cluster namespaces ${name}.`,
      };
    }),
  );

  const test = addCommand(noun, 'test <name>', {
    summary: 'Pull an image in a cluster, and tell whether it came',
    description: 'Exit code 1 when it did not.',
    examples: ['berth cluster test prod'],
  });
  answers(test, (_options, name: string) =>
    withApi(environment, async (api) => {
      await api.post(clusterPath(name, 'test-pulls'), {});
      const { checks } = await api.get<Cluster>(clusterPath(name));
      const pulls = checks.filter((check) => check.name === 'test-pull');
      return {
        json: pulls[0] ?? null,
        text: checklistLines(pulls).join('\n'),
        failed: pulls.some(({ state }) => state === 'failed'),
      };
    }),
  );
}
