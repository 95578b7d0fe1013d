import type { Credential } from '#features/auth';
import type { MaybePromise } from '#lib/maybe-promise.ts';
import type { Principal } from '#server/permissions/principals.ts';

export type Workload = Extract<Principal, { kind: 'workload' }>;

/** Knows one kind of proof that a request is of a workload. Refusals as `CredentialVerifier` has them. */
export interface WorkloadVerifier {
  verify(username: string, password: string): MaybePromise<Credential | undefined>;
  /** @param stamp as this verifier wrote it */
  recall(workload: Workload, stamp: string): MaybePromise<Credential>;
}
