import type { AgentCalls } from '#contract/agent.ts';

/**
 * Asks the agent of a cluster, whatever process holds its connection. The contract says what each
 * method takes and answers.
 * @throws {Refusal} what the agent refused; `unavailable` when it is away, or does not answer
 */
export type CallAgent = <Method extends keyof AgentCalls>(
  cluster: number,
  method: Method,
  parameters: Parameters<AgentCalls[Method]>[0],
  timeoutMilliseconds?: number,
) => ReturnType<AgentCalls[Method]>;
