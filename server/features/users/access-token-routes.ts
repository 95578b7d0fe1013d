import { Type } from 'typebox';
import { RowId } from '#contract/ids.ts';
import { Done } from '#contract/projects.ts';
import { AccessToken, AccessTokenRequest, CreatedAccessToken } from '#contract/tokens.ts';
import { createMachineSecret, hmacOfMachineSecret } from '#features/auth';
import type { Database } from '#server/database/database.ts';
import { type RestApplication, requireUser, restPrefix } from '#server/http/rest/index.ts';
import { listAccessTokens } from './queries.ts';
import { accessTokenPrefix } from './verifier.ts';
import { createAccessToken, deleteAccessToken } from './writes.ts';

export interface AccessTokenRoutesOptions {
  readonly database: Database;
  readonly accessTokenKey: Uint8Array;
  readonly clock: () => number;
}

const path = `${restPrefix}/users/current/tokens`;
const day = 24 * 60 * 60 * 1000;

/** People's own access tokens. */
export function addAccessTokenRoutes(
  application: RestApplication,
  { database, accessTokenKey, clock }: AccessTokenRoutesOptions,
) {
  const tags = ['access token'];

  application.get(
    path,
    {
      schema: {
        tags,
        summary: "List one's own access tokens",
        response: { 200: Type.Array(AccessToken) },
      },
    },
    async (request) => {
      const rows = await listAccessTokens(database.read, requireUser(request).id);
      return rows.map(({ id, name, created_at, expires_at, last_used_at }) => ({
        id,
        name,
        creation_time: timeOf(created_at),
        expires_at: expires_at === null ? null : timeOf(expires_at),
        last_used_at: last_used_at === null ? null : timeOf(last_used_at),
      }));
    },
  );

  application.post(
    path,
    {
      schema: {
        tags,
        summary: 'Create an access token',
        body: AccessTokenRequest,
        response: { 201: CreatedAccessToken },
      },
    },
    async (request, reply) => {
      const { id: userId } = requireUser(request);
      const { name, expires_in_days: days } = request.body;
      const now = clock();
      const expiresAt = days === undefined || days === null ? null : now + days * day;
      const secret = createMachineSecret(accessTokenPrefix);
      const secretHmac = hmacOfMachineSecret(accessTokenKey, secret);
      const id = await database.write(createAccessToken, {
        userId,
        name,
        secretHmac,
        expiresAt,
        now,
      });
      reply.code(201).header('location', `${path}/${id}`).header('cache-control', 'no-store');
      return {
        id,
        name,
        creation_time: timeOf(now),
        expires_at: expiresAt === null ? null : timeOf(expiresAt),
        last_used_at: null,
        secret,
      };
    },
  );

  application.delete(
    `${path}/:token`,
    {
      schema: {
        tags,
        summary: "Delete one of one's own access tokens",
        params: Type.Object({ token: RowId }),
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { id: userId } = requireUser(request);
      await database.write(deleteAccessToken, { id: request.params.token, userId });
      return reply.code(200).send();
    },
  );
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
