import { open } from 'node:fs/promises';
import { agentManifestPath } from '#contract/agent.ts';
import { readNodeList } from '#kubernetes/node-list.ts';
import { JsonListProblem } from '#lib/json-list.ts';
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

/** kubectl prints up to 50 KB for a node. */
const mostOutput = 512 * 1024 * 1024;

/**
 * The list of a cluster's nodes, as far as the server looks at it: a fraction of what kubectl prints.
 * @throws {CommandFailure | UsageFailure}
 */
export async function readNodes(source: NodesSource): Promise<string> {
  const printed = await nodesText(source);
  try {
    const items = await readNodeList(printed);
    if (items !== undefined) return JSON.stringify({ items });
  } catch (error) {
    if (!(error instanceof JsonListProblem)) {
      throw new CommandFailure(`The list of nodes cannot be read: ${reasonOf(error)}.`);
    }
    // Said below.
  }
  throw new UsageFailure(
    'What was given is no list of nodes: make it with kubectl get nodes --output json.',
  );
}

async function nodesText({
  nodes,
  context,
  nodeImage,
}: NodesSource): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>> {
  if (nodes === '-') return process.stdin;
  if (nodes !== undefined) {
    try {
      return (await open(nodes)).createReadStream();
    } catch (error) {
      throw new CommandFailure(`${nodes} cannot be read: ${reasonOf(error)}.`);
    }
  }
  // Nothing of the nodes has to be known where their image is.
  if (nodeImage) return [Buffer.from('{"items":[]}')];
  const { code, stdout, stderr } = await runProgram(
    'kubectl',
    [...(context === undefined ? [] : ['--context', context]), 'get', 'nodes', '--output', 'json'],
    { mostOutput, cure: 'install kubectl, or give the list of nodes with --nodes FILE' },
  );
  if (code === 0) return [Buffer.from(stdout)];
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
