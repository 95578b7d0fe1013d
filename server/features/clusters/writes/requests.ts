import type { Write } from '#server/database/database.ts';

export interface AgentRequest {
  readonly id: string;
  readonly cluster: number;
  readonly method: string;
  /** Sealed. */
  readonly parameters: string;
  readonly now: number;
}

/** Leaves what an agent is asked for the process that holds its connection. */
export const leaveAgentRequest: Write<AgentRequest, void> = {
  name: 'clusters.leave-agent-request',
  durability: 'transient',
  run: async (transaction, { cluster, now, ...request }) => {
    await transaction
      .insertInto('agent_requests')
      .values({ ...request, cluster_id: cluster, created_at: now })
      .execute();
  },
};

export const answerAgentRequest: Write<{ readonly id: string; readonly answer: string }, void> = {
  name: 'clusters.answer-agent-request',
  durability: 'transient',
  run: async (transaction, { id, answer }) => {
    await transaction.updateTable('agent_requests').set({ answer }).where('id', '=', id).execute();
  },
};

export const takeAgentRequest: Write<{ readonly id: string }, void> = {
  name: 'clusters.take-agent-request',
  durability: 'transient',
  run: async (transaction, { id }) => {
    await transaction.deleteFrom('agent_requests').where('id', '=', id).execute();
  },
};

/** Those of processes that died while they waited. */
export const forgetAgentRequests: Write<{ readonly before: number }, void> = {
  name: 'clusters.forget-agent-requests',
  durability: 'transient',
  run: async (transaction, { before }) => {
    await transaction.deleteFrom('agent_requests').where('created_at', '<', before).execute();
  },
};
