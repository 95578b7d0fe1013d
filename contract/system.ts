import { Type } from 'typebox';

/** The version of Harbor's API that this one follows. */
export const apiVersion = 'v2.0';

export const ApiVersion = Type.Object({ version: Type.String() });

const Status = Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy')]);

export const Health = Type.Object({
  status: Status,
  components: Type.Array(Type.Object({ name: Type.String(), status: Status })),
});

export const SystemInfo = Type.Object({
  auth_mode: Type.String(),
  primary_auth_mode: Type.Boolean(),
  self_registration: Type.Boolean(),
  banner_message: Type.String(),
  oidc_provider_name: Type.String(),
  berth_version: Type.Optional(Type.String({ description: 'For those who are signed in' })),
  external_url: Type.Optional(Type.String()),
  registry_url: Type.Optional(Type.String()),
  project_creation_restriction: Type.Optional(Type.String()),
  current_time: Type.Optional(Type.String({ description: 'RFC 3339' })),
});
