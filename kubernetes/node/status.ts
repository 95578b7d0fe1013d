import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** What quotes one of these, as problems do, still fits into a message to the server. */
const Word = Type.String({ maxLength: 1_024 });

/** What a node's script found and did: the one line that it prints whenever that changes. */
export const NodeStatus = Type.Object({
  berth: Type.Literal(1),
  revision: Word,
  mode: Type.Union([Type.Literal('lay'), Type.Literal('remove')]),
  authorities: Type.String({ maxLength: 64 }),
  distribution: Type.String({ maxLength: 32 }),
  /** Divided by blanks. */
  runtimes: Word,
  containerd_version: Word,
  /** Its configuration file; empty where there is no containerd. */
  containerd_file: Word,
  /** As the file says it, empty where it says none. */
  config_version: Word,
  /** The first folder; empty where no file names one. */
  config_path: Word,
  config_legacy: Type.Union([Type.Literal('yes'), Type.Literal('no')]),
  /** The last file with settings of the plugin that reads `config_path`. */
  config_owner: Word,
  provider_bin: Word,
  provider_config: Word,
  /** How far the credential provider is. */
  provider_state: Type.Union([
    Type.Literal('off'),
    Type.Literal('installed'),
    Type.Literal('active'),
    Type.Literal('inert'),
    Type.Literal('problem'),
    Type.Literal('foreign'),
    Type.Literal('merge'),
  ]),
  /** SHA-256 of a configuration that our entry is to join, and the configuration in base64. */
  provider_sum: Word,
  provider_existing: Type.String({ maxLength: 65_536 }),
  /** Folders that hold what we laid down. */
  laid: Type.Array(Word, { maxItems: 100 }),
  /** Folders of others that do as well. */
  kept: Type.Array(Word, { maxItems: 100 }),
  /** `code=path` */
  problems: Type.Array(Word, { maxItems: 100 }),
  /** The same of the credential provider. */
  provider_problems: Type.Array(Word, { maxItems: 100 }),
});
export type NodeStatus = Static<typeof NodeStatus>;

/** The last status in a log; undefined where it holds none. */
export function lastNodeStatus(log: string): NodeStatus | undefined {
  for (const line of log.split('\n').reverse()) {
    const status = parse(line);
    if (Value.Check(NodeStatus, status)) return status;
  }
  return undefined;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
