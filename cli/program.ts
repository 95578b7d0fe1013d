import { Command } from 'commander';
import { addAuthorityCommands } from './authority.ts';
import { addBackupCommand } from './backup.ts';
import { addClusterCommands } from './cluster.ts';
import type { Environment } from './environment.ts';
import { addCollectionCommands } from './garbage-collection.ts';
import { addLoginCommands } from './login.ts';
import { addMemberCommands } from './member.ts';
import { addProjectCommands } from './project.ts';
import { addRepositoryCommands } from './repository.ts';
import { addRestoreCommand } from './restore.ts';
import { addRobotCommands } from './robot.ts';
import { addSecretCommands } from './secret.ts';
import { addServeCommand } from './serve.ts';
import type { ServerPrograms } from './server-programs.ts';
import { addTokenCommands } from './token.ts';
import { addTrustCommand } from './trust.ts';
import { addUserCommands } from './user.ts';
import { addVerifyCommand } from './verify.ts';
import { addVersionCommand } from './version.ts';

function termOf(command: Command): string {
  const given = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [command.name(), ...given].join(' ');
}

/** The whole command line. */
export function createProgram(environment: Environment, programs: ServerPrograms): Command {
  const program = new Command('berth')
    .description('A registry for container images and Helm charts that Kubernetes can pull from.')
    .usage('COMMAND')
    .helpOption('-h, --help', 'show what a command takes')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ subcommandTerm: termOf })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'berth: ')),
    })
    .showHelpAfterError('Run the command with --help to see what it takes.');

  program.commandsGroup('First steps:');
  addServeCommand(program, programs.serve);
  addTrustCommand(program, environment);
  addLoginCommands(program, environment);

  program.commandsGroup('Projects and who may use them:');
  addProjectCommands(program, environment);
  addRepositoryCommands(program, environment);
  addMemberCommands(program, environment);
  addRobotCommands(program, environment);

  program.commandsGroup('Kubernetes:');
  addClusterCommands(program, environment);
  addSecretCommands(program, environment);

  program.commandsGroup('People:');
  addUserCommands(program, environment);
  addTokenCommands(program, environment);

  program.commandsGroup('The server:');
  addAuthorityCommands(program, environment);
  addCollectionCommands(program, environment);

  program.commandsGroup('The data of a server, on its machine:');
  addBackupCommand(program, programs.backup);
  addRestoreCommand(program, programs.restore);
  addVerifyCommand(program, programs.verify);

  program.commandsGroup('About:');
  addVersionCommand(program);

  return program.addHelpText(
    'after',
    `
Begin with:
  $ berth serve                                  run a server here
  $ sudo berth trust HOST --fingerprint SHA256   make this machine trust it
  $ berth login HOST                             sign in
  $ berth project create team                    make a project to push to
  $ berth cluster connect prod                   let a cluster pull from it`,
  );
}
