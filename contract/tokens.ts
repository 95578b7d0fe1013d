import { type Static, Type } from 'typebox';

/*
 * The token endpoint of distribution's token protocol ("Token Authentication Specification" and
 * "OAuth2 Token Authentication"), and people's own access tokens.
 */

const Scopes = Type.Union([
  Type.String({ maxLength: 8_192 }),
  Type.Array(Type.String({ maxLength: 8_192 }), { maxItems: 256 }),
]);

export const TokenQuery = Type.Object({
  service: Type.Optional(Type.String({ maxLength: 255 })),
  scope: Type.Optional(Scopes),
  account: Type.Optional(Type.String({ maxLength: 512 })),
  client_id: Type.Optional(Type.String({ maxLength: 255 })),
  offline_token: Type.Optional(Type.String({ maxLength: 16 })),
});

export const TokenForm = Type.Object({
  grant_type: Type.Union([Type.Literal('password'), Type.Literal('refresh_token')]),
  service: Type.Optional(Type.String({ maxLength: 255 })),
  scope: Type.Optional(Scopes),
  client_id: Type.Optional(Type.String({ maxLength: 255 })),
  access_type: Type.Optional(Type.String({ maxLength: 16 })),
  username: Type.Optional(Type.String({ maxLength: 512 })),
  password: Type.Optional(Type.String({ maxLength: 8_192 })),
  refresh_token: Type.Optional(Type.String({ maxLength: 16_384 })),
});
export type TokenForm = Static<typeof TokenForm>;

export const TokenAnswer = Type.Object({
  token: Type.String(),
  access_token: Type.String(),
  expires_in: Type.Integer({ description: 'Seconds' }),
  issued_at: Type.String({ description: 'RFC 3339' }),
  scope: Type.String({ description: 'What was granted' }),
  refresh_token: Type.Optional(Type.String()),
});
export type TokenAnswer = Static<typeof TokenAnswer>;

const minimumTokenDays = 1;
const maximumTokenDays = 3_650;

export const AccessTokenRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  expires_in_days: Type.Optional(
    Type.Union(
      [Type.Integer({ minimum: minimumTokenDays, maximum: maximumTokenDays }), Type.Null()],
      { description: 'null or absent: never' },
    ),
  ),
});
export type AccessTokenRequest = Static<typeof AccessTokenRequest>;

export const AccessToken = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  creation_time: Type.String({ description: 'RFC 3339' }),
  expires_at: Type.Union([Type.String(), Type.Null()], {
    description: 'RFC 3339; null: never',
  }),
  last_used_at: Type.Union([Type.String(), Type.Null()], {
    description: 'RFC 3339, to the hour; null: never used',
  }),
});
export type AccessToken = Static<typeof AccessToken>;

/** The one answer that holds the secret. */
export const CreatedAccessToken = Type.Object({
  ...AccessToken.properties,
  secret: Type.String({ description: 'Shown this once' }),
});
export type CreatedAccessToken = Static<typeof CreatedAccessToken>;
