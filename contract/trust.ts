import { type Static, Type } from 'typebox';

const AuthorityRole = Type.Union([
  Type.Literal('signing'),
  Type.Literal('next'),
  Type.Literal('previous'),
]);

/** What a machine needs to know to trust the registry. */
export const AuthorityInformation = Type.Object({
  /** PEM. */
  certificate: Type.String(),
  /** SHA-256 of the certificate, `AB:CD:…`. */
  fingerprint: Type.String(),
  /** `sha256//BASE64` of the server's public key, as `curl --pinnedpubkey` takes it. */
  public_key_pin: Type.String(),
  phase: Type.Union([Type.Literal('steady'), Type.Literal('announced'), Type.Literal('switched')], {
    description: 'How far a change of the authority is',
  }),
  /** All that are to be trusted, the one that signs first. */
  authorities: Type.Array(
    Type.Object({
      role: AuthorityRole,
      certificate: Type.String(),
      fingerprint: Type.String(),
      /** RFC 3339. */
      ends: Type.String(),
    }),
  ),
});
export type AuthorityInformation = Static<typeof AuthorityInformation>;

export const AuthorityStep = Type.Object({
  step: Type.Union([
    Type.Literal('announce'),
    Type.Literal('cancel'),
    Type.Literal('switch'),
    Type.Literal('retire'),
  ]),
  force: Type.Optional(
    Type.Boolean({
      description: 'Switch although nodes of connected clusters do not trust it yet',
    }),
  ),
});
export type AuthorityStep = Static<typeof AuthorityStep>;

/** How far the nodes of connected clusters have followed. */
export const AuthorityFollowers = Type.Object({
  trusting: Type.Integer(),
  waiting: Type.Array(Type.Object({ cluster: Type.String(), node: Type.String() })),
});
export type AuthorityFollowers = Static<typeof AuthorityFollowers>;
