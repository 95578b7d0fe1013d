import { sql } from 'kysely';
import type { UsersTable } from '#server/database/account-tables.ts';
import type { Database, PreparedQuery, Reader, Transaction } from '#server/database/database.ts';
import type { Page, SortKey, Term } from '#server/http/rest/index.ts';
import { textMatches } from '#server/http/rest/terms.ts';

const profile = [
  'id',
  'username',
  'email',
  'realname',
  'comment',
  'admin',
  'created_at',
  'updated_at',
] as const;

export interface UserRow {
  readonly id: number;
  readonly username: string;
  readonly email: string | null;
  readonly realname: string;
  readonly comment: string;
  readonly admin: 0 | 1;
  readonly created_at: number;
  readonly updated_at: number;
}

export const userFilters = ['username', 'email', 'realname'] as const;
export const userSorts = ['username', 'user_id', 'creation_time', 'update_time'] as const;

export interface UserSelection {
  readonly terms: ReadonlyMap<(typeof userFilters)[number], Term>;
  readonly sort: readonly SortKey<(typeof userSorts)[number]>[];
}

const sortColumns = {
  username: 'username',
  user_id: 'id',
  creation_time: 'created_at',
  update_time: 'updated_at',
} as const;

export async function listUsers(
  read: Reader,
  { terms, sort }: UserSelection,
  page: Page,
): Promise<{ readonly rows: readonly UserRow[]; readonly total: number }> {
  let matching = read.selectFrom('users');
  for (const [field, term] of terms) matching = matching.where(textMatches(sql.ref(field), term));
  const { total } = await matching
    .select((part) => part.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  let rows = matching.select(profile);
  for (const { field, falling } of sort) {
    rows = rows.orderBy(sortColumns[field], falling ? 'desc' : 'asc');
  }
  return {
    rows: await rows.orderBy('id').limit(page.limit).offset(page.offset).execute(),
    total: Number(total),
  };
}

export async function readUser(read: Reader, id: number): Promise<UserRow | undefined> {
  return read.selectFrom('users').select(profile).where('id', '=', id).executeTakeFirst();
}

export async function readPasswordHash(read: Reader, id: number) {
  return read
    .selectFrom('users')
    .select(['username', 'password_hash'])
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function hasAdmin(read: Reader | Transaction): Promise<boolean> {
  const row = await read
    .selectFrom('users')
    .select('id')
    .where('admin', '=', 1)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function listAccessTokens(read: Reader, userId: number) {
  return read
    .selectFrom('access_tokens')
    .select(['id', 'name', 'created_at', 'expires_at', 'last_used_at'])
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute();
}

type SignIn = Pick<UsersTable, 'username' | 'password_hash' | 'credential_generation'> & {
  readonly id: number;
};

export interface AccessTokenSignIn {
  readonly id: number;
  readonly name: string;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly user_id: number;
  readonly username: string;
  readonly credential_generation: number;
}

/** What requests ask of users all the time. */
export interface UserLookups {
  readonly byName: PreparedQuery<[username: string], SignIn>;
  readonly byId: PreparedQuery<[id: number], SignIn & { readonly admin: 0 | 1 }>;
  readonly accessTokenBySecret: PreparedQuery<
    [username: string, hmac: Uint8Array],
    AccessTokenSignIn
  >;
  readonly accessTokenById: PreparedQuery<[id: number, userId: number], AccessTokenSignIn>;
}

export function prepareUserLookups(database: Database): UserLookups {
  const signIn = ['id', 'username', 'password_hash', 'credential_generation'] as const;
  const tokens = (read: Reader) =>
    read
      .selectFrom('access_tokens')
      .innerJoin('users', 'users.id', 'access_tokens.user_id')
      .select([
        'access_tokens.id',
        'access_tokens.name',
        'access_tokens.expires_at',
        'access_tokens.last_used_at',
        'access_tokens.user_id',
        'users.username',
        'users.credential_generation',
      ]);
  return {
    byName: database.prepare((read, argument) =>
      read.selectFrom('users').select(signIn).where('username', '=', argument<string>(0)),
    ),
    byId: database.prepare((read, argument) =>
      read
        .selectFrom('users')
        .select([...signIn, 'admin'])
        .where('id', '=', argument<number>(0)),
    ),
    accessTokenBySecret: database.prepare((read, argument) =>
      tokens(read)
        .where('users.username', '=', argument<string>(0))
        .where('access_tokens.secret_hmac', '=', argument<Uint8Array>(1)),
    ),
    accessTokenById: database.prepare((read, argument) =>
      tokens(read)
        .where('access_tokens.id', '=', argument<number>(0))
        .where('access_tokens.user_id', '=', argument<number>(1)),
    ),
  };
}
