import type {
  AgentIdentity,
  ClusterProof,
  NamespaceCredential,
  NamespaceReport,
  NamespaceSelector,
  ServerCalls,
} from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { readKeys } from '../enrolment/keys.ts';
import { verifyProof } from '../enrolment/proof.ts';
import type { ClusterSecrets } from '../secrets.ts';
import { noteRemoval, noteWaiting } from '../writes/clusters.ts';
import { renewIdentity } from '../writes/connections.ts';
import { proveCluster } from '../writes/enrolment.ts';
import { reportChecks } from '../writes/reports.ts';
import { limitCostly } from './flood-limits.ts';
import type { Reports } from './reports.ts';

/** A cluster whose agent is connected. */
export interface ClusterReference {
  readonly id: number;
  readonly name: string;
}

/** What agents ask about the credentials of namespaces. */
export interface CredentialCalls {
  /** @throws {Refusal} `denied` where nothing is granted to the namespace */
  issue(cluster: ClusterReference, namespace: NamespaceReport): Promise<NamespaceCredential>;
  /** The credential of that generation is in its Secret. */
  placed(
    cluster: ClusterReference,
    placed: { readonly namespace: string; readonly generation: number },
  ): Promise<void>;
  /** Pull secrets are wanted where these are for, and nowhere else. */
  endUncovered(cluster: ClusterReference, selectors: readonly NamespaceSelector[]): Promise<void>;
}

export interface AnswersOptions {
  readonly database: Database;
  readonly secrets: ClusterSecrets;
  readonly credentials: CredentialCalls;
  /** As image names begin. */
  readonly registry: string;
  readonly now: () => number;
}

/** What the server does for the agent of one cluster. It speaks of that cluster only. */
export function answersTo(
  cluster: ClusterReference,
  reports: Reports,
  options: AnswersOptions,
): ServerCalls {
  const { database, secrets, credentials, registry, now } = options;

  const isTooMuch = limitCostly();

  function refuseTooMuch(): void {
    if (!isTooMuch()) return;
    throw new Refusal(
      'too-many-requests',
      'This agent proves and renews itself too often: it may do so again in some seconds.',
    );
  }

  async function prove(proof: ClusterProof) {
    refuseTooMuch();
    const { uid, issuer, serviceAccountToken: token, kubernetesVersion } = proof;
    const keys = await readKeys(proof.keys);
    const { thumbprint } = await verifyProof({ token, keys, issuer, registry, now: now() });
    await database.write(proveCluster, {
      cluster: cluster.id,
      uid,
      issuer,
      kubernetesVersion,
      keys: keys.map(({ thumbprint, jwk }) => ({ thumbprint, jwk: JSON.stringify(jwk) })),
      proven: thumbprint,
      now: now(),
    });
    return {};
  }

  async function renew(): Promise<AgentIdentity> {
    refuseTooMuch();
    const { secret, hmac } = secrets.identity();
    await database.write(renewIdentity, { cluster: cluster.id, identityHmac: hmac, now: now() });
    return { cluster: cluster.name, secret };
  }

  return {
    'cluster.prove': prove,
    'identity.renew': renew,
    'nodes.report': async (changes) => {
      await reports.nodes(changes);
      return {};
    },
    'namespaces.report': async (changes) => {
      await reports.namespaces(changes);
      return {};
    },
    'checks.report': async ({ checks }) => {
      await database.write(reportChecks, {
        cluster: cluster.id,
        checks: JSON.stringify(checks),
      });
      return {};
    },
    'credentials.issue': async ({ namespace }) => {
      // A namespace that was removed and made again must not lose what it gets now.
      await reports.settled();
      return credentials.issue(cluster, namespace);
    },
    'credentials.placed': async (placed) => {
      await credentials.placed(cluster, placed);
      return {};
    },
    'cluster.waits': async ({ left, nodes }) => {
      await database.write(noteWaiting, { cluster: cluster.id, left, nodes });
      return {};
    },
    'cluster.removed': async ({ left }) => {
      await database.write(noteRemoval, { cluster: cluster.id, left, now: now() });
      return {};
    },
  };
}
