import {
  AgentIdentity,
  agentConnectionPath,
  agentEnrolmentPath,
  Enrolment,
} from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { bearerOf } from './bearer.ts';
import { enrol } from './enrolment/enrol.ts';
import type { ClusterSecrets } from './secrets.ts';

export interface AgentRoutesOptions {
  readonly database: Database;
  readonly secrets: ClusterSecrets;
  readonly registry: string;
  readonly now: () => number;
}

const tags = ['agent'];
const config = { ownAuthentication: true };

/** What an agent asks for before it has a connection. */
export function addAgentRoutes(application: RestApplication, options: AgentRoutesOptions) {
  application.post(
    agentEnrolmentPath,
    {
      config,
      schema: {
        tags,
        summary: "Exchange a connect token for the identity of a cluster's agent",
        body: Enrolment,
        response: { 201: AgentIdentity },
      },
    },
    async ({ headers, body }, reply) => {
      const identity = await enrol(bearerOf(headers.authorization), body.proof, options);
      reply.code(201).header('cache-control', 'no-store');
      return identity;
    },
  );

  application.get(
    agentConnectionPath,
    { config, schema: { tags, summary: 'The connection of an agent, a WebSocket' } },
    async () => {
      throw new Refusal('invalid', 'Agents open a WebSocket here: send Upgrade: websocket.');
    },
  );
}
