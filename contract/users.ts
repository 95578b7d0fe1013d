import { type Static, Type } from 'typebox';
import { maximumNameLength } from './names.ts';

export const minimumPasswordLength = 8;
export const maximumPasswordLength = 128;

const Text = Type.String({ maxLength: 255 });
/** Its rule is told by the server, in a sentence. */
const Password = Type.String({ maxLength: 1_024 });

export const User = Type.Object({
  user_id: Type.Integer(),
  username: Type.String(),
  email: Type.String(),
  realname: Type.String(),
  comment: Type.String(),
  sysadmin_flag: Type.Boolean(),
  admin_role_in_auth: Type.Boolean({ description: 'Always false: roles are given here only' }),
  creation_time: Type.String({ description: 'RFC 3339' }),
  update_time: Type.String({ description: 'RFC 3339' }),
});
export type User = Static<typeof User>;

export const UserCreation = Type.Object({
  username: Type.String({ maxLength: maximumNameLength }),
  password: Password,
  email: Type.Optional(Text),
  realname: Type.Optional(Text),
  comment: Type.Optional(Text),
});
export type UserCreation = Static<typeof UserCreation>;

export const UserProfile = Type.Object({
  email: Type.Optional(Text),
  realname: Type.Optional(Text),
  comment: Type.Optional(Text),
});
export type UserProfile = Static<typeof UserProfile>;

export const SystemAdminFlag = Type.Object({ sysadmin_flag: Type.Boolean() });

export const PasswordChange = Type.Object({
  old_password: Type.Optional(
    Type.String({ maxLength: 1_024, description: 'Asked of those who change their own' }),
  ),
  new_password: Password,
});
export type PasswordChange = Static<typeof PasswordChange>;
