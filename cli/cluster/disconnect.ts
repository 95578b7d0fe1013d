import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { Disconnection } from '#contract/clusters.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { CommandFailure, UsageFailure } from '../failure.ts';
import type { Output } from '../output.ts';
import { showProgress } from '../progress.ts';
import { confirm, hasTerminal } from '../terminal.ts';
import { withApi } from '../with-api.ts';
import { awaitedLines, leftLines } from './disconnection.ts';
import { clusterPath } from './paths.ts';

const askAgainMilliseconds = 1_000;
/** A node that is away keeps its files, so that is not waited for without end. */
const patienceMilliseconds = 5 * 60_000;

interface DisconnectOptions {
  readonly force?: boolean;
  readonly leaveProvider?: boolean;
  readonly yes?: boolean;
}

export function addDisconnect(noun: Command, environment: Environment) {
  const command = addCommand(noun, 'disconnect <name>', {
    summary: 'Take everything of Berth out of a cluster, and forget it',
    description:
      'The agent removes the pull secrets, the files from nodes, and at last itself; what could not be removed is told. Where flags that somebody gave to kubelets name the credential provider, it first waits until they are taken away, and goes on by itself: the command ends with what is to be done on which node. --leave-provider leaves it there, where it answers nothing. --force forgets a cluster whose agent is gone for good, and leaves what is in it.',
    examples: [
      'berth cluster disconnect prod',
      'berth cluster disconnect prod --leave-provider',
      'berth cluster disconnect gone --force --yes',
    ],
  })
    .option('--leave-provider', 'wait for no node: leave what its kubelet names')
    .addOption(
      new Option('--force', 'forget the cluster although its agent cannot clean up').conflicts(
        'leaveProvider',
      ),
    )
    .option('--yes', 'do not ask');
  answers(
    command,
    ({ force = false, leaveProvider = false, yes = false }: DisconnectOptions, name: string) =>
      withApi(environment, async (api) => {
        const choice = force ? '?force=true' : leaveProvider ? '?leave_provider=true' : '';
        const path = `${clusterPath(name)}${choice}`;
        if (!yes) await askFirst(name);
        const progress = showProgress();
        const began = performance.now();
        try {
          for (;;) {
            const answer = await api.delete<Disconnection>(path);
            const isLeft = answer.waits_for.length > 0 && !leaveProvider;
            if (answer.done || isLeft) return outputOf(name, force, answer);
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

function outputOf(name: string, force: boolean, disconnection: Disconnection): Output {
  const { done, left, waits_for } = disconnection;
  const lines = done
    ? [`Disconnected ${name}.`, ...remaining(force, left)]
    : [
        `Disconnecting ${name}: its grants, its credentials and its pull secrets are taken away.`,
        ...leftLines(left),
        ...awaitedLines(name, waits_for),
      ];
  return { json: { name, disconnected: done, left, waits_for }, text: lines.join('\n') };
}

function remaining(force: boolean, left: readonly string[]): string[] {
  if (left.length > 0) return leftLines(left);
  return [
    force
      ? 'What is in it was left there: kubectl delete namespace berth removes the agent, and berth-node from its nodes only.'
      : 'Nothing of Berth is left in it.',
  ];
}
