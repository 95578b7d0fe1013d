import type { Command } from 'commander';
import type { Project, ProjectSummary } from '#contract/projects.ts';
import type { Repository } from '#contract/repositories.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { timeText } from './output.ts';
import { withApi } from './with-api.ts';

export function projectPath(name: string): string {
  return `/projects/${encodeURIComponent(name)}`;
}

export function addProjectCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'project', 'Make projects, open and close them');

  const create = addCommand(noun, 'create <name>', {
    summary: 'Create a project, whose admin you become',
    examples: ['berth project create team', 'berth project create charts --public'],
  }).option('--public', 'let everybody pull, signed in or not');
  answers(create, ({ public: isPublic = false }: { public?: boolean }, name: string) =>
    withApi(environment, async (api) => {
      const body = { project_name: name, metadata: { public: String(isPublic) } };
      const { id } = await api.post('/projects', body);
      return {
        json: { project_id: id, name, public: isPublic },
        text: `Created the ${isPublic ? 'public' : 'private'} project ${name}: push to ${api.server}/${name}/IMAGE.`,
      };
    }),
  );

  const list = addCommand(noun, 'list', {
    summary: 'List the projects that you may see',
    examples: ['berth project list', 'berth project list --name team'],
  }).option('--name <part>', 'only names with this part');
  answers(list, ({ name }: { name?: string }) =>
    withApi(environment, async (api) => {
      const query = { sort: 'name', ...(name !== undefined && { name }) };
      const projects = await api.list<Project>('/projects', query);
      return {
        json: projects,
        table: {
          columns: ['name', 'visibility', 'repositories', 'owner', 'created'],
          rows: projects.map((project) => [
            project.name,
            visibility(project),
            String(project.repo_count),
            project.owner_name ?? '-',
            timeText(project.creation_time, '-'),
          ]),
          empty:
            'There are no projects that you may see: create one with berth project create NAME.',
        },
      };
    }),
  );

  const show = addCommand(noun, 'show <name>', {
    summary: 'Show a project and what it holds',
    examples: ['berth project show team'],
  });
  answers(show, (_options, name: string) => withApi(environment, (api) => showProject(api, name)));

  const remove = addCommand(noun, 'remove <name>', {
    summary: 'Remove a project that holds no repository',
    examples: ['berth project remove team'],
  });
  answers(remove, (_options, name: string) =>
    withApi(environment, async (api) => {
      await api.delete(projectPath(name));
      return { json: { name, removed: true }, text: `Removed the project ${name}.` };
    }),
  );

  for (const [verb, value, effect] of [
    ['public', 'true', 'everybody may pull from it'],
    ['private', 'false', 'only its members may pull from it'],
  ] as const) {
    const command = addCommand(noun, `${verb} <name>`, {
      summary: `Make a project ${verb}: ${effect}`,
      examples: [`berth project ${verb} team`],
    });
    answers(command, (_options, name: string) =>
      withApi(environment, async (api) => {
        await api.put(projectPath(name), { metadata: { public: value } });
        return {
          json: { name, public: value === 'true' },
          text: `The project ${name} is ${verb} now: ${effect}.`,
        };
      }),
    );
  }
}

async function showProject(api: Api, name: string) {
  const [project, summary, repositories] = await Promise.all([
    api.get<Project>(projectPath(name)),
    api.get<ProjectSummary>(`${projectPath(name)}/summary`),
    api.list<Repository>(`${projectPath(name)}/repositories`),
  ]);
  const facts = [
    ['Project', project.name],
    ['Visibility', visibility(project)],
    ['Owner', project.owner_name ?? '-'],
    ['Created', timeText(project.creation_time, '-')],
    ['Repositories', String(repositories.length)],
    ...repositories.map(({ name: each, artifact_count: count }) => [
      '',
      `${each} (${count === 1 ? '1 artifact' : `${count} artifacts`})`,
    ]),
  ];
  return {
    json: { ...project, summary, repositories },
    text: facts.map(([label = '', value]) => `${label.padEnd(14)}${value}`).join('\n'),
  };
}

function visibility(project: Project): string {
  return project.metadata.public === 'true' ? 'public' : 'private';
}
