export type { Credential, CredentialVerifier, NamedPrincipal } from './credentials.ts';
export type { GrantShare, GrantSource, ProjectShare } from './grants.ts';
