import type { Credentials } from '#test/berth.ts';
import type { Terminal } from '#test/terminal.ts';
import type { HelmVersion } from './programs.ts';

/** Where the tutorial is gone through: a Berth, wherever it runs, a cluster and the operator's machines. */
export interface Scene {
  /** Berth's name, as image names begin: `host[:port]`. */
  readonly registry: string;
  readonly admin: Credentials;
  /** SHA-256 of the authority, as the start printed it. */
  readonly fingerprint: string;
  /** The operator's machine with docker, kubectl and Helm. */
  readonly workstation: Terminal;
  /** The same machine, in a clone of Berth. */
  readonly clone: Terminal;
  /** A machine with kubectl and Helm, which is never made to trust anything. */
  readonly laptop: Terminal;
  /** All of the cluster. */
  readonly nodes: readonly SceneNode[];
  /** Has the nodes trust Berth, whose name they are then led to; nothing where they do. */
  trustOnNodes(): Promise<void>;
  /** Makes `helm`, as typed on both machines, that release. */
  useHelm(version: HelmVersion): Promise<void>;
}

export interface SceneNode {
  readonly terminal: Terminal;
  /** In a clone of Berth. */
  readonly clone: Terminal;
}
