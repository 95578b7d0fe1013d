import type { Command } from 'commander';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { whileWaiting } from '../progress.ts';
import { withApi } from '../with-api.ts';
import { checklistLines, watchTestPull } from './checklist.ts';
import { clusterPath } from './paths.ts';
import { whichCluster } from './which.ts';

export function addCredentials(noun: Command, environment: Environment) {
  const rotate = addCommand(noun, 'rotate <name>', {
    summary: 'Give namespaces of a cluster new credentials in their pull secrets',
    description: 'The ones before go on for an hour, so that no pull fails meanwhile.',
    examples: ['berth cluster rotate prod', 'berth cluster rotate prod --namespace web'],
  }).option('-n, --namespace <namespace>', 'of this one alone');
  answers(rotate, ({ namespace }: { namespace?: string }, name: string) =>
    withApi(environment, async (api) => {
      const body = namespace === undefined ? {} : { namespace };
      await whileWaiting('waiting for the agent', () =>
        api.post(clusterPath(name, 'credential-rotations'), body),
      );
      return {
        json: { cluster: name, ...(namespace !== undefined && { namespace }), rotated: true },
        text: `New credentials are being placed in ${namespace === undefined ? `the namespaces of ${name}` : `the namespace ${namespace} of ${name}`}.`,
        hint: `See berth cluster namespaces ${name}.`,
      };
    }),
  );

  const test = addCommand(noun, 'test [name]', {
    summary: 'Pull an image in a cluster, and tell whether it came',
    description:
      'The name may be left out where there is one cluster. Exit code 1 when the image did not come.',
    examples: ['berth cluster test prod'],
  });
  answers(test, (_options, named: string | undefined) =>
    withApi(environment, async (api) => {
      const name = await whichCluster(api, named);
      await api.post(clusterPath(name, 'test-pulls'), {});
      const pull = await watchTestPull(api, name);
      return {
        json: pull ?? null,
        text: checklistLines(pull === undefined ? [] : [pull]).join('\n'),
        failed: pull?.state === 'failed',
      };
    }),
  );
}
