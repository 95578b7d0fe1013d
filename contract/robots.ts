import { type Static, Type } from 'typebox';
import { neverExpires } from './durations.ts';
import { maximumNameLength } from './names.ts';

const maximumDurationDays = 36_500;

/** What a robot may do to one kind of thing. */
export const RobotAccess = Type.Object({
  resource: Type.String({ maxLength: 64 }),
  action: Type.String({ maxLength: 64 }),
  effect: Type.Optional(Type.String({ maxLength: 16, description: '"allow"' })),
});
export type RobotAccess = Static<typeof RobotAccess>;

export const RobotPermission = Type.Object({
  kind: Type.Union([Type.Literal('system'), Type.Literal('project')]),
  namespace: Type.String({
    maxLength: maximumNameLength,
    description: 'A project, "*" for all of them; "/" where kind is system',
  }),
  access: Type.Array(RobotAccess, { maxItems: 100 }),
});
export type RobotPermission = Static<typeof RobotPermission>;

export const RobotLevel = Type.Union([Type.Literal('system'), Type.Literal('project')]);

const Duration = Type.Integer({
  minimum: neverExpires,
  maximum: maximumDurationDays,
  description: 'Days that a secret lives; -1: for ever',
});
const Description = Type.String({ maxLength: 1_024 });
const Permissions = Type.Array(RobotPermission, { maxItems: 200 });
/** Its rule is told by the server, in a sentence. */
const Secret = Type.String({ maxLength: 1_024 });

export const Robot = Type.Object({
  id: Type.Integer(),
  name: Type.String({ description: 'As it signs in: with its prefix and its project' }),
  description: Type.String(),
  level: RobotLevel,
  duration: Duration,
  editable: Type.Boolean(),
  disable: Type.Boolean(),
  expires_at: Type.Integer({ description: 'Seconds since the epoch; -1: never' }),
  creation_time: Type.String({ description: 'RFC 3339' }),
  update_time: Type.String({ description: 'RFC 3339' }),
  permissions: Type.Array(RobotPermission),
});
export type Robot = Static<typeof Robot>;

export const RobotCreation = Type.Object({
  name: Type.String({ maxLength: maximumNameLength, description: 'Without prefix and project' }),
  level: RobotLevel,
  description: Type.Optional(Description),
  duration: Type.Optional(Duration),
  disable: Type.Optional(Type.Boolean()),
  secret: Type.Optional(Secret),
  permissions: Permissions,
});
export type RobotCreation = Static<typeof RobotCreation>;

/** The one answer that holds the secret. */
export const CreatedRobot = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  secret: Type.String({ description: 'Shown this once' }),
  creation_time: Type.String(),
  expires_at: Type.Integer(),
});
export type CreatedRobot = Static<typeof CreatedRobot>;

export const RobotUpdate = Type.Object({
  name: Type.Optional(Type.String({ maxLength: 1_024, description: 'Cannot be changed' })),
  level: Type.Optional(RobotLevel),
  description: Type.Optional(Description),
  duration: Type.Optional(Duration),
  disable: Type.Optional(Type.Boolean()),
  permissions: Type.Optional(Permissions),
});
export type RobotUpdate = Static<typeof RobotUpdate>;

export const RobotSecretChange = Type.Object({
  secret: Type.Optional(
    Type.String({ maxLength: 1_024, description: 'Absent or empty: a new one is made' }),
  ),
});

export const RobotSecret = Type.Object({
  secret: Type.String({ description: 'Shown this once' }),
});
