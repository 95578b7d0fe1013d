import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { agentManifestPath } from '#contract/agent.ts';
import type { Api } from '../api.ts';
import { CommandFailure, reasonOf, UsageFailure } from '../failure.ts';
import { runProgram } from '../run-program.ts';

export interface NodesSource {
  /** A file, or `-` for standard input. */
  readonly nodes?: string;
  /** Of kubectl, which is asked where no file is named. */
  readonly context?: string;
  readonly nodeImage?: string;
}

/**
 * The list of a cluster's nodes, as kubectl prints it in JSON.
 * @throws {CommandFailure | UsageFailure}
 */
export async function readNodes(source: NodesSource): Promise<string> {
  const text = await nodesText(source);
  try {
    if (Array.isArray(JSON.parse(text).items)) return text;
  } catch {
    // Said below.
  }
  throw new UsageFailure(
    'What was given is no list of nodes: make it with kubectl get nodes --output json.',
  );
}

async function nodesText({ nodes, context, nodeImage }: NodesSource): Promise<string> {
  if (nodes === '-') return textOf(process.stdin);
  if (nodes !== undefined) {
    try {
      return await readFile(nodes, 'utf8');
    } catch (error) {
      throw new CommandFailure(`${nodes} cannot be read: ${reasonOf(error)}.`);
    }
  }
  // Nothing of the nodes has to be known where their image is.
  if (nodeImage) return '{"items":[]}';
  const { code, stdout, stderr } = await runProgram(
    'kubectl',
    [...(context === undefined ? [] : ['--context', context]), 'get', 'nodes', '--output', 'json'],
    { cure: 'install kubectl, or give the list of nodes with --nodes FILE' },
  );
  if (code === 0) return stdout;
  throw new CommandFailure(
    `kubectl could not list the nodes: ${lastSentence(stderr)} Give their list with --nodes FILE, or an image with --node-image IMAGE.`,
  );
}

/** kubectl logs each try before it says what is wrong. */
function lastSentence(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1)?.slice(0, 500) ?? '';
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

/** What is to be applied, as the command that is printed fetches it. */
export function fetchManifests(
  api: Api,
  token: string,
  form: string,
  nodes: string,
): Promise<string> {
  return api.postForText(`${agentManifestPath}?form=${form}`, `Bearer ${token}`, nodes);
}
