import type { Command } from 'commander';
import type { Cluster, ClusterSettings } from '#contract/clusters.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { plain, timeText } from '../output.ts';
import { withApi } from '../with-api.ts';
import { checklistOutput, watchChecklist } from './checklist.ts';
import { stateCell } from './disconnection.ts';
import { clusterPath, clustersPath } from './paths.ts';
import {
  addSettingsFlags,
  type SettingsFlags,
  settingsNote,
  settingsOf,
  settingsText,
} from './settings.ts';
import { whichCluster } from './which.ts';

export function addStatus(noun: Command, environment: Environment) {
  const list = addCommand(noun, 'list', {
    summary: 'List the clusters that are connected, or are to be',
    examples: ['berth cluster list', 'berth cluster list --json'],
  });
  answers(list, () =>
    withApi(environment, async (api) => {
      const clusters = await api.list<Cluster>(clustersPath);
      return {
        json: clusters,
        table: {
          columns: ['name', 'state', 'kubernetes', 'trusting nodes', 'namespaces', 'last seen'],
          rows: clusters.map((cluster) => [
            cluster.name,
            stateCell(cluster),
            cluster.kubernetes_version ?? '-',
            `${cluster.trusted_nodes}/${cluster.nodes}`,
            String(cluster.namespaces),
            timeText(cluster.last_seen, 'never'),
          ]),
          empty: 'No cluster is connected: run berth cluster connect NAME.',
        },
      };
    }),
  );

  const status = addCommand(noun, 'status [name]', {
    summary: 'Show how far a cluster is, and what to do where it is not well',
    description:
      'The name may be left out where there is one cluster. Exit code 1 when a check has failed.',
    examples: ['berth cluster status prod', 'berth cluster status prod --watch'],
  }).option('--watch', 'follow it until every check has passed');
  answers(status, ({ watch = false }: { watch?: boolean }, named: string | undefined) =>
    withApi(environment, async (api) => {
      const name = await whichCluster(api, named);
      return checklistOutput(
        watch ? await watchChecklist(api, name) : await api.get<Cluster>(clusterPath(name)),
      );
    }),
  );
}

export function addSet(noun: Command, environment: Environment) {
  const set = addCommand(noun, 'set <name>', {
    summary: 'Show or change how Berth behaves in a cluster',
    description: `${settingsNote} Rights that a setting needs are granted by what berth cluster connect NAME applies: run its command again after switching one on.`,
    examples: [
      'berth cluster set prod',
      'berth cluster set prod --address https://10.0.0.5:30500',
      'berth cluster set prod --no-address --no-webhook',
    ],
  });
  addSettingsFlags(set);
  answers(set, (options: SettingsFlags, name: string) =>
    withApi(environment, async (api) => {
      const wanted = settingsOf(options);
      const path = clusterPath(name);
      const changes = Object.keys(wanted).length > 0;
      const { settings } = changes
        ? await api.patch<Cluster>(path, wanted)
        : await api.get<Cluster>(path);
      return {
        json: settings,
        text: plainLines(settingsText(settings)),
        ...(needsRights(wanted) && {
          hint: `The rights for it are granted by what berth cluster connect ${name} applies; see berth cluster status ${name}.`,
        }),
      };
    }),
  );
}

function needsRights(settings: ClusterSettings): boolean {
  const { webhook, review_tokens: reviews, pull_secrets: secrets } = settings;
  const provider = settings.credential_provider ?? 'off';
  return webhook === true || reviews === true || secrets === true || provider !== 'off';
}

function plainLines(text: string): string {
  return text.split('\n').map(plain).join('\n');
}
