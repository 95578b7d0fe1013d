import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Disconnection } from '#contract/clusters.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { CommandFailure, UsageFailure } from '../failure.ts';
import { type Output, plain } from '../output.ts';
import { showProgress } from '../progress.ts';
import { confirm, hasTerminal } from '../terminal.ts';
import { withApi } from '../with-api.ts';
import { clusterPath } from './paths.ts';

const askAgainMilliseconds = 1_000;
/** A node that is away keeps its files, so that is not waited for without end. */
const patienceMilliseconds = 5 * 60_000;

interface DisconnectOptions {
  readonly force?: boolean;
  readonly yes?: boolean;
}

export function addDisconnect(noun: Command, environment: Environment) {
  const command = addCommand(noun, 'disconnect <name>', {
    summary: 'Take everything of Berth out of a cluster, and forget it',
    description:
      'The agent removes the files from nodes, the pull secrets, and at last itself; what could not be removed is told. --force forgets a cluster whose agent is gone for good, and leaves what is in it.',
    examples: ['berth cluster disconnect prod', 'berth cluster disconnect gone --force --yes'],
  })
    .option('--force', 'forget the cluster although its agent cannot clean up')
    .option('--yes', 'do not ask');
  answers(command, ({ force = false, yes = false }: DisconnectOptions, name: string) =>
    withApi(environment, async (api) => {
      const path = `${clusterPath(name)}${force ? '?force=true' : ''}`;
      if (!yes) await askFirst(name);
      const progress = showProgress();
      const began = performance.now();
      try {
        for (;;) {
          const answer = await api.delete<Disconnection>(path);
          if (answer.done) return outputOf(name, force, answer);
          if (performance.now() - began > patienceMilliseconds) throw tookLong(name);
          progress.report({ step: 'cleaning up', done: 0, total: undefined, bytes: 0 });
          await pause(askAgainMilliseconds);
        }
      } finally {
        progress.end();
      }
    }),
  );
}

async function askFirst(name: string): Promise<void> {
  if (!hasTerminal()) {
    throw new UsageFailure(`There is no terminal to ask on: disconnect ${name} with --yes.`);
  }
  const question = `Disconnect ${name}? Its pods cannot pull private images from then on.`;
  if (await confirm(question)) return;
  throw new CommandFailure(`${name} was not disconnected.`);
}

function tookLong(name: string): CommandFailure {
  return new CommandFailure(
    `The agent of ${name} has not cleaned up within 5 minutes, and goes on: see berth cluster status ${name}, and run this again. With --force the cluster is forgotten as it is.`,
  );
}

function outputOf(name: string, force: boolean, { done, left }: Disconnection): Output {
  const remaining =
    left.length > 0
      ? ['What is left in it:', ...left.map((line) => `  ${plain(line)}`)]
      : [
          force
            ? 'What is in it was left there: kubectl delete namespace berth removes the agent, and berth-node from its nodes only.'
            : 'Nothing of Berth is left in it.',
        ];
  return {
    json: { name, disconnected: done, left },
    text: [`Disconnected ${name}.`, ...remaining].join('\n'),
  };
}
