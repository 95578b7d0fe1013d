import { type Static, Type } from 'typebox';
import { RowId } from './ids.ts';
import { maximumNameLength } from './names.ts';
import { ListQuery } from './paging.ts';
import { ProjectParameters } from './projects.ts';
import { roleIds } from './roles.ts';

const RoleId = Type.Union(
  Object.values(roleIds).map((id) => Type.Literal(id)),
  { description: '1 admin, 2 developer, 3 guest, 4 maintainer, 5 limited guest' },
);

export const MemberCreation = Type.Object({
  role_id: RoleId,
  member_user: Type.Optional(
    Type.Union([
      Type.Object({
        user_id: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
        username: Type.Optional(Type.String({ maxLength: maximumNameLength })),
      }),
      Type.Null(),
    ]),
  ),
  member_workload: Type.Optional(
    Type.Union([
      Type.Object({
        name: Type.String({
          maxLength: 400,
          description:
            'cluster/namespace/serviceaccount of Kubernetes; the last two may be "*": any',
        }),
      }),
      Type.Null(),
    ]),
  ),
  member_group: Type.Optional(Type.Unknown()),
});
export type MemberCreation = Static<typeof MemberCreation>;

export const MemberChange = Type.Object({ role_id: RoleId });
export type MemberChange = Static<typeof MemberChange>;

export const Member = Type.Object({
  id: Type.Integer(),
  project_id: Type.Integer(),
  entity_name: Type.String(),
  entity_type: Type.Union([Type.Literal('u'), Type.Literal('w')], {
    description: 'u: a user, w: workloads of a Kubernetes cluster',
  }),
  entity_id: Type.Optional(Type.Integer({ description: 'Of a user' })),
  role_id: Type.Integer(),
  role_name: Type.String(),
});
export type Member = Static<typeof Member>;

export const MemberListQuery = Type.Intersect([
  ListQuery,
  Type.Object({
    entityname: Type.Optional(
      Type.String({ maxLength: 400, description: 'A part of the name of a user or workload' }),
    ),
  }),
]);

export const MemberParameters = Type.Intersect([ProjectParameters, Type.Object({ member: RowId })]);
