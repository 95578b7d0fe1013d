export { type Auth, createAuth, type SharedSecret } from './auth.ts';
export type { Credential, CredentialVerifier, NamedPrincipal } from './credentials.ts';
export {
  createFailureLimits,
  type FailureLimits,
  type FailureLimitsOptions,
  type LimitFailures,
  limitFailuresHere,
} from './failure-limits.ts';
export type { GrantShare, GrantSource, ProjectShare } from './grants.ts';
export { createMachineSecret, hmacOfMachineSecret, isMachineSecret } from './machine-secrets.ts';
