import { request } from 'node:https';
import { Value } from 'typebox/value';
import {
  AgentIdentity,
  agentEnrolmentPath,
  type ClusterProof,
  type Enrolment,
} from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import { bodyOf, refusalOf, unreachable } from './answers.ts';

export interface EnrolmentRequest {
  /** `https://host[:port]` */
  readonly address: string;
  readonly authorities: string | undefined;
  readonly token: string;
  readonly proof: ClusterProof;
  readonly signal: AbortSignal;
}

const timeoutMilliseconds = 30_000;

/**
 * Exchanges a connect token for an identity.
 * @throws {Refusal} as the registry says it; `unavailable` where it is not reached
 */
export async function enrol(options: EnrolmentRequest): Promise<AgentIdentity> {
  const { address, authorities, token, proof, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<AgentIdentity>();
  const body: Enrolment = { proof };
  const outgoing = request(new URL(agentEnrolmentPath, address), {
    method: 'POST',
    ...(authorities !== undefined && { ca: authorities }),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)]),
    agent: false,
  });
  outgoing.on('error', (error) => reject(unreachable(address, error)));
  outgoing.on('response', (response) => {
    identityOf(response, address).then(resolve, (error) => reject(unreachable(address, error)));
  });
  outgoing.end(JSON.stringify(body));
  return promise;
}

async function identityOf(
  response: Parameters<typeof refusalOf>[0],
  address: string,
): Promise<AgentIdentity> {
  const { statusCode = 0 } = response;
  if (statusCode < 200 || statusCode > 299) throw await refusalOf(response, address);
  const text = await bodyOf(response);
  let identity: unknown;
  try {
    identity = JSON.parse(text);
  } catch {
    identity = undefined;
  }
  if (Value.Check(AgentIdentity, identity)) return identity;
  throw new Refusal('unavailable', `${address} answered, and not as Berth does.`);
}
