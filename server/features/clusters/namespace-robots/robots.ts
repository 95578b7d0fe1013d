import type { NamespaceCredential, NamespaceReport, NamespaceSelector } from '#contract/agent.ts';
import { isDnsLabel } from '#contract/names.ts';
import { createMachineSecret, hmacOfMachineSecret } from '#features/auth';
import { selects } from '#kubernetes/namespace-selection.ts';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import type { Database } from '#server/database/database.ts';
import { type CoverageOf, isCovered } from '../grants/coverage.ts';
import { namespaceRobotName } from './names.ts';
import { namespacesWithCredentials } from './queries.ts';
import { endCredentials, issueCredential, placeCredential } from './writes.ts';

export const namespaceSecretPrefix = 'berth_namespace_';

/** How long a secret is good before the agent asks for another. */
const renewalMilliseconds = 7 * 24 * 60 * 60 * 1000;
/** How long the secret before it goes on being good once another is in place. */
const overlapMilliseconds = 60 * 60 * 1000;
/** Databases limit the values of one statement. */
const namespacesAtOnce = 500;

export interface RobotCluster {
  readonly id: number;
  readonly name: string;
}

/** The credential that is in its Secret now. */
export interface PlacedGeneration {
  readonly namespace: string;
  readonly generation: number;
}

/** The credentials that pull secrets hold: one robot a namespace, which may pull what all its pods may. */
export interface NamespaceRobots {
  /** @throws {Refusal} `denied` where nothing is granted to the namespace; `invalid`, `not-found`, `conflict` */
  issue(cluster: RobotCluster, namespace: NamespaceReport): Promise<NamespaceCredential>;
  /** @throws {Refusal} `not-found` */
  placed(cluster: RobotCluster, placed: PlacedGeneration): Promise<void>;
  /** Ends the secrets of namespaces that none of the selectors is for (any more). */
  endUncovered(cluster: RobotCluster, selectors: readonly NamespaceSelector[]): Promise<void>;
}

export interface NamespaceRobotsOptions {
  readonly database: Database;
  readonly coverageOf: CoverageOf;
  readonly secretKey: Uint8Array;
  readonly clock: () => number;
}

export function createNamespaceRobots(options: NamespaceRobotsOptions): NamespaceRobots {
  const { database, coverageOf, secretKey, clock } = options;
  return {
    async issue({ id, name }, { name: namespace, uid, labels }) {
      if (!isDnsLabel(namespace)) {
        throw new Refusal('invalid', `${quote(namespace)} is no name of a namespace.`);
      }
      // What is granted may have been granted by another process.
      await database.refresh();
      if (!isCovered(await coverageOf(name), { name: namespace, labels })) {
        throw new Refusal(
          'denied',
          `Nothing is granted to the namespace ${namespace} of cluster ${name}: run berth cluster grant ${name} --namespace ${namespace} --project PROJECT.`,
        );
      }
      const secret = createMachineSecret(namespaceSecretPrefix);
      const now = clock();
      const generation = await database.write(issueCredential, {
        cluster: id,
        namespace,
        uid,
        labels: storedLabels(labels),
        secretHmac: hmacOfMachineSecret(secretKey, secret),
        now,
      });
      return {
        generation,
        username: namespaceRobotName({ cluster: name, namespace }),
        secret,
        renewAt: now + renewalMilliseconds,
      };
    },
    async placed({ id }, { namespace, generation }) {
      const now = clock();
      await database.write(placeCredential, {
        cluster: id,
        namespace,
        generation,
        now,
        earlierEndAt: now + overlapMilliseconds,
      });
    },
    async endUncovered({ id }, selectors) {
      const rows = await namespacesWithCredentials(database.read, id);
      const uncovered = rows.filter((row) => {
        const labels = row.labels === null ? undefined : JSON.parse(row.labels);
        return !selectors.some((selector) => selects(selector, { name: row.name, labels }));
      });
      for (let begin = 0; begin < uncovered.length; begin += namespacesAtOnce) {
        const batch = uncovered.slice(begin, begin + namespacesAtOnce);
        const namespaces = batch.map((row) => row.name);
        await database.write(endCredentials, { cluster: id, namespaces });
      }
    },
  };
}

/** Equal labels are equal texts. */
function storedLabels(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify(Object.fromEntries(entries));
}
