import { type Credential, hmacOfMachineSecret, isMachineSecret } from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { WorkloadVerifier } from '../workload-identity/verifier.ts';
import { parseNamespaceRobotName, type RobotNamespace } from './names.ts';
import type { NamespaceRobotLookups, RobotSignIn } from './queries.ts';
import { namespaceSecretPrefix } from './robots.ts';

export interface NamespaceRobotVerifierOptions {
  readonly lookups: NamespaceRobotLookups;
  readonly secretKey: Uint8Array;
  readonly clock: () => number;
}

/** Tells the robots of namespaces, by what their pull secrets hold. */
export function createNamespaceRobotVerifier(
  options: NamespaceRobotVerifierOptions,
): WorkloadVerifier {
  const { lookups, secretKey, clock } = options;

  function standing({ cluster, namespace }: RobotNamespace, robot: RobotSignIn): Credential {
    if (robot.disconnecting_at !== null) {
      throw refused(
        `Cluster ${cluster} is being disconnected: to keep it, run berth cluster connect ${cluster} once it is.`,
      );
    }
    if (robot.ends_at !== null && robot.ends_at <= clock()) {
      throw refused(wrongPullSecret({ cluster, namespace }));
    }
    return {
      principal: { kind: 'workload', cluster, namespace, serviceAccount: '*' },
      stamp: stampOf(robot),
      ...(robot.ends_at !== null && { expiresAt: robot.ends_at }),
    };
  }

  return {
    verify(username, password) {
      const robot = parseNamespaceRobotName(username);
      if (robot === undefined || !isMachineSecret(namespaceSecretPrefix, password)) {
        return undefined;
      }
      const hmac = hmacOfMachineSecret(secretKey, password);
      return chain(lookups.bySecret(robot.cluster, robot.namespace, hmac), (row) =>
        row === undefined ? undefined : standing(robot, row),
      );
    },
    recall({ cluster, namespace }, stamp): MaybePromise<Credential> {
      const [, generation] = stamp.split(' ');
      return chain(lookups.byGeneration(cluster, namespace, Number(generation)), (row) => {
        if (row === undefined || stampOf(row) !== stamp) {
          throw refused(wrongPullSecret({ cluster, namespace }));
        }
        return standing({ cluster, namespace }, row);
      });
    },
  };
}

function stampOf({ cluster_id, generation, created_at }: RobotSignIn): string {
  return `${cluster_id} ${generation} ${created_at}`;
}

/** Says the same of clusters and namespaces that there are not. */
export function wrongPullSecret({ cluster, namespace }: RobotNamespace): string {
  return `The pull secret of namespace ${namespace} in cluster ${cluster} is wrong or has ended: run berth cluster rotate ${cluster} --namespace ${namespace} for another.`;
}

function refused(message: string): Refusal {
  return new Refusal('unauthenticated', message);
}
