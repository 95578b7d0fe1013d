import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { agentManifestPath } from '#contract/agent.ts';
import type { ErrorBody } from '#contract/errors.ts';
import type { AgentImages } from '#features/own-artifacts';
import type { Node } from '#kubernetes/api/index.ts';
import { manifestForms } from '#kubernetes/manifests/commands.ts';
import { readNodeList } from '#kubernetes/node-list.ts';
import { Refusal } from '#lib/errors.ts';
import { JsonListProblem } from '#lib/json-list.ts';
import type { ServerCertificates } from '#server/certificates/certificates.ts';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { authoritiesOf } from './authorities.ts';
import { bearerOf } from './bearer.ts';
import { findToken, type TokenRow } from './queries.ts';
import type { ClusterSecrets } from './secrets.ts';
import { settingsOf } from './stored-settings.ts';
import { noteTokenShown } from './writes/connect-tokens.ts';
import { expiredToken, unknownToken, usedToken } from './writes/enrolment.ts';

export interface ManifestRoutesOptions {
  readonly database: Database;
  readonly secrets: ClusterSecrets;
  readonly certificates: ServerCertificates;
  /** `host[:port]`, as image names begin. */
  readonly registry: string;
  /** Resolves once nodes can pull the agent's image. @throws {Refusal} `unavailable` */
  readonly provideAgentImage: AgentImages['provide'];
  readonly now: () => number;
}

/** A list of nodes names fifty images of each: kubectl prints up to 50 KB for a node. */
const maximumBodyBytes = 512 * 1024 * 1024;
const Query = Type.Object({
  form: Type.Optional(Type.Union(manifestForms.map((form) => Type.Literal(form)))),
});

/** What an operator's command fetches by a connect token, and pipes into kubectl or Helm. */
export function addManifestRoutes(application: RestApplication, options: ManifestRoutesOptions) {
  const { database, secrets, certificates, registry, provideAgentImage, now } = options;

  async function live(authorization: string | undefined): Promise<TokenRow & { secret: string }> {
    const secret = bearerOf(authorization);
    const hmac = secrets.hmacOfConnectToken(secret);
    const token = hmac && (await findToken(database.read, hmac));
    if (token === undefined) throw unknownToken();
    if (token.used_at !== null) throw usedToken(token.cluster, token.used_at);
    if (token.expires_at <= now()) throw expiredToken(token.cluster, token.expires_at);
    return { ...token, secret };
  }

  // Lists of nodes are large, and come with whatever type curl gives them.
  application.register(async (scope: RestApplication) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', async (_request: FastifyRequest, body: IncomingMessage) =>
      readNodes(body),
    );
    scope.addHook('onSend', async (_request, { statusCode }, payload) =>
      statusCode >= 400 && typeof payload === 'string' ? toldByKubectl(payload) : payload,
    );
    scope.post(
      agentManifestPath,
      {
        config: { ownAuthentication: true },
        onRequest: async ({ headers }) => {
          await live(headers.authorization);
        },
        schema: {
          tags: ['agent'],
          summary: 'What connects a cluster, to be applied: YAML. The body is a list of its nodes',
          querystring: Query,
        },
      },
      async ({ headers, query, body, clientAddress }, reply) => {
        const token = await live(headers.authorization);
        const agent = await provideAgentImage();
        // With it comes a library for YAML, which most servers never need.
        const { manifestText } = await import('#kubernetes/manifests/forms.ts');
        const text = manifestText(query.form ?? 'kubectl', {
          cluster: token.cluster,
          registry,
          authorities: authoritiesOf(certificates),
          settings: settingsOf(token.settings),
          agent,
          token: token.secret,
          nodes: body,
        });
        await database.write(noteTokenShown, { id: token.id, address: clientAddress, now: now() });
        reply.header('cache-control', 'no-store').type('application/yaml');
        return text;
      },
    );
  });
}

/**
 * A refusal goes where the manifests were to go, into kubectl, which repeats the kind of an object
 * that the cluster does not know: so the operator reads why.
 */
function toldByKubectl(payload: string): string {
  const { errors } = JSON.parse(payload) as ErrorBody;
  const [first] = errors;
  const object = { apiVersion: 'berth', kind: first?.message, metadata: { name: 'refused' } };
  return JSON.stringify({ errors, ...object });
}

/** @throws {Refusal} `invalid`, `too-large` */
async function readNodes(body: IncomingMessage): Promise<readonly Node[] | undefined> {
  try {
    return await readNodeList(limited(body));
  } catch (error) {
    if (!(error instanceof JsonListProblem)) throw error;
    throw new Refusal(
      'invalid',
      'The list of nodes is no JSON: send what kubectl get nodes --output json prints, or nothing.',
      { cause: error },
    );
  }
}

async function* limited(body: IncomingMessage): AsyncGenerator<Uint8Array> {
  let size = Number(body.headers['content-length'] ?? 0);
  if (size > maximumBodyBytes) throw tooLarge();
  size = 0;
  // Whoever sends too much is answered on a connection that is still there.
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > maximumBodyBytes) throw tooLarge();
    yield chunk;
  }
}

function tooLarge(): Refusal {
  return new Refusal(
    'too-large',
    `The list of nodes is longer than ${maximumBodyBytes / 1024 / 1024} MiB: name the image that the pods on nodes are to run by berth cluster connect NAME --node-image IMAGE, and send no list.`,
  );
}
