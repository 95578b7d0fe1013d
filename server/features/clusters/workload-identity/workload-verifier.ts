import type { Credential, CredentialVerifier } from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import { chain } from '#lib/maybe-promise.ts';
import { namespaceRobotPrefix, parseNamespaceRobotName } from '../namespace-robots/names.ts';
import { wrongPullSecret } from '../namespace-robots/verifier.ts';
import { looksLikeToken, workloadUsername } from './tokens.ts';
import type { WorkloadVerifier } from './verifier.ts';

export interface WorkloadVerifiers {
  readonly token: WorkloadVerifier;
  readonly secret: WorkloadVerifier;
}

/**
 * The workloads of clusters, by their ServiceAccount tokens or by the pull secrets of their
 * namespaces. Goes before users: one may be named as the tokens are.
 */
export function createWorkloadVerifier(verifiers: WorkloadVerifiers): CredentialVerifier {
  const marked = (kind: keyof WorkloadVerifiers, credential: Credential): Credential => ({
    ...credential,
    stamp: `${kind} ${credential.stamp}`,
  });

  return {
    principalKind: 'workload',
    claims: (username, password) =>
      username.startsWith(namespaceRobotPrefix) ||
      (username === workloadUsername && looksLikeToken(password)),
    isGuessable: () => false,
    verify(username, password) {
      const kind = username === workloadUsername ? 'token' : 'secret';
      const credential = chain(verifiers[kind].verify(username, password), (verified) =>
        verified === undefined ? undefined : marked(kind, verified),
      );
      return credential;
    },
    wrong(username) {
      const robot = parseNamespaceRobotName(username);
      return robot === undefined
        ? 'User names that begin with cluster+ are those of pull secrets that agents place: use such a secret as it is.'
        : wrongPullSecret(robot);
    },
    recall(principal, stamp) {
      const [kind, ...rest] = stamp.split(' ');
      if (principal.kind !== 'workload' || (kind !== 'token' && kind !== 'secret')) {
        throw new Refusal('unauthenticated', 'No workload is asked for.');
      }
      return chain(verifiers[kind].recall(principal, rest.join(' ')), (credential) =>
        marked(kind, credential),
      );
    },
  };
}
