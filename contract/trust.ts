import { type Static, Type } from 'typebox';

/** What a machine needs to know to trust the registry. */
export const AuthorityInformation = Type.Object({
  /** PEM. */
  certificate: Type.String(),
  /** SHA-256 of the certificate, `AB:CD:…`. */
  fingerprint: Type.String(),
  /** `sha256//BASE64` of the server's public key, as `curl --pinnedpubkey` takes it. */
  public_key_pin: Type.String(),
});
export type AuthorityInformation = Static<typeof AuthorityInformation>;
