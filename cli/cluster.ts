import type { Command } from 'commander';
import { addAgentImage } from './cluster/agent-image.ts';
import { addConnect } from './cluster/connect.ts';
import { addContents } from './cluster/contents.ts';
import { addCredentials } from './cluster/credentials.ts';
import { addDisconnect } from './cluster/disconnect.ts';
import { addGrants } from './cluster/grants.ts';
import { addSet, addStatus } from './cluster/status.ts';
import { addNoun } from './command.ts';
import type { Environment } from './environment.ts';

export function addClusterCommands(program: Command, environment: Environment) {
  const noun = addNoun(
    program,
    'cluster',
    'Connect Kubernetes clusters, so that pulling just works',
  );
  addConnect(noun, environment);
  addStatus(noun, environment);
  addContents(noun, environment);
  addSet(noun, environment);
  addGrants(noun, environment);
  addCredentials(noun, environment);
  addAgentImage(noun, environment);
  addDisconnect(noun, environment);
}
