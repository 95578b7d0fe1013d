import type { Command } from 'commander';
import type { Repository } from '#contract/repositories.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { CommandFailure, UsageFailure } from './failure.ts';
import { timeText } from './output.ts';
import { projectPath } from './project.ts';
import { confirm, hasTerminal } from './terminal.ts';
import { withApi } from './with-api.ts';

export function addRepositoryCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'repository', 'See and remove what projects hold');

  const list = addCommand(noun, 'list <project>', {
    summary: 'List the repositories of a project',
    examples: ['berth repository list team'],
  });
  answers(list, (_options, project: string) =>
    withApi(environment, async (api) => {
      const repositories = await api.list<Repository>(`${projectPath(project)}/repositories`);
      return {
        json: repositories,
        table: {
          columns: ['name', 'artifacts', 'updated'],
          rows: repositories.map(({ name, artifact_count: count, update_time: updated }) => [
            name,
            String(count),
            timeText(updated, '-'),
          ]),
          empty: `${project} holds no repositories: they appear with the first push to them.`,
        },
      };
    }),
  );

  const remove = addCommand(noun, 'remove <name>', {
    summary: 'Remove a repository with all its images and charts',
    examples: ['berth repository remove team/app', 'berth repository remove team/app --yes'],
  }).option('--yes', 'do not ask');
  answers(remove, ({ yes = false }: { yes?: boolean }, name: string) =>
    withApi(environment, async (api) => {
      const [project = '', ...rest] = name.split('/');
      const repository = rest.join('/');
      if (repository === '') {
        throw new UsageFailure(`${name} names no repository: write PROJECT/NAME.`);
      }
      if (!yes) await askFirst(name);
      await api.delete(`${projectPath(project)}/repositories/${encodeURIComponent(repository)}`);
      return { json: { name, removed: true }, text: `Removed the repository ${name}.` };
    }),
  );
}

async function askFirst(name: string): Promise<void> {
  if (!hasTerminal()) {
    throw new UsageFailure(`There is no terminal to ask on: remove ${name} for good with --yes.`);
  }
  if (await confirm(`Remove ${name} with all its images and charts, for good?`)) return;
  throw new CommandFailure(`${name} was not removed.`);
}
