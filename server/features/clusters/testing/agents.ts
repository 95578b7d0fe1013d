import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { WebSocket } from 'ws';
import {
  type AgentIdentity,
  agentAudience,
  agentConnectionPath,
  agentEnrolmentPath,
  type ClusterProof,
} from '#contract/agent.ts';
import { type Answer, createRemoteCalls, type RemoteCalls } from '#lib/remote-calls.ts';
import type { Reply, TestServer } from '#test/server.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';
/** Of a server that listens on a port of the machine's choice. */
export const registryName = 'localhost:0';

/** A cluster as far as a registry sees it: a UID and keys of its own. */
export interface TestCluster {
  readonly uid: string;
  readonly jwk: JWK;
  /** Signs whatever is given, by its key. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A token of its agent's ServiceAccount; what is given replaces what is right. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  proof(changes?: Partial<ClusterProof>): Promise<ClusterProof>;
}

export async function makeCluster(
  algorithm: 'RS256' | 'ES256' = 'ES256',
  registry = registryName,
): Promise<TestCluster> {
  const uid = randomUUID();
  const kid = randomUUID();
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };

  function sign(claims: JWTPayload, header: Readonly<Record<string, unknown>> = {}) {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, kid, ...header })
      .sign(privateKey);
  }

  function token(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return sign({
      iss: issuer,
      sub: 'system:serviceaccount:berth:berth-agent',
      aud: [agentAudience(registry)],
      iat: now,
      nbf: now,
      exp: now + 600,
      ...claims,
    });
  }

  return {
    uid,
    jwk,
    sign,
    token,
    async proof(changes = {}) {
      return {
        uid,
        issuer,
        keys: [jwk] as ClusterProof['keys'],
        serviceAccountToken: await token(),
        kubernetesVersion: 'v1.36.3',
        ...changes,
      };
    },
  };
}

const json = { 'content-type': 'application/json' };

export function offer(server: TestServer, name: string, settings?: object): Promise<Reply> {
  return server.request('/api/v2.0/clusters', {
    method: 'POST',
    as: server.admin,
    headers: json,
    body: JSON.stringify({ name, settings }),
  });
}

/** A connect token of the cluster `name`. */
export async function connectToken(
  server: TestServer,
  name: string,
  settings?: object,
): Promise<string> {
  const reply = await offer(server, name, settings);
  if (reply.status !== 201) throw new Error(`No token: ${reply.status} ${reply.body}`);
  return (reply.json() as { token: string }).token;
}

export function enrol(server: TestServer, token: string, proof: unknown): Promise<Reply> {
  return server.request(agentEnrolmentPath, {
    method: 'POST',
    token,
    headers: json,
    body: JSON.stringify({ proof }),
  });
}

/** The identity of a cluster that has just been connected under `name`. */
export async function enrolled(
  server: TestServer,
  name: string,
  cluster: TestCluster,
  settings?: object,
): Promise<AgentIdentity> {
  const token = await connectToken(server, name, settings);
  const reply = await enrol(server, token, await cluster.proof());
  if (reply.status !== 201) throw new Error(`Not enrolled: ${reply.status} ${reply.body}`);
  return reply.json() as AgentIdentity;
}

export interface TestAgent extends RemoteCalls {
  readonly socket: WebSocket;
  /** Resolves to what was said when the connection closed. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  leave(): Promise<void>;
}

export interface AgentOptions {
  readonly secret: string;
  readonly proof: string | undefined;
  readonly answers?: Readonly<Record<string, Answer>>;
}

/** @throws {Error} `STATUS SENTENCE` when the server does not let it in */
export async function connectAgent(
  server: Pick<TestServer, 'host' | 'authority'>,
  { secret, proof, answers = {} }: AgentOptions,
): Promise<TestAgent> {
  return openAgent(`wss://${server.host}`, { secret, proof, answers }, server.authority);
}

export async function openAgent(
  origin: string,
  { secret, proof, answers = {} }: AgentOptions,
  authority?: string,
): Promise<TestAgent> {
  const socket = new WebSocket(`${origin}${agentConnectionPath}`, {
    ...(authority !== undefined && { ca: authority }),
    perMessageDeflate: false,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(proof !== undefined && { 'berth-cluster-proof': proof }),
    },
  });
  const calls = createRemoteCalls({
    send: (text) => socket.send(text),
    answers: { 'state.set': async () => ({}), ...answers },
    report: () => {},
  });
  socket.on('message', (data) => calls.receive(String(data)));
  const refused = once(socket, 'unexpected-response').then(async ([, response]) => {
    let body = '';
    for await (const chunk of response) body += chunk;
    throw new Error(`${response.statusCode} ${body}`);
  });
  const closed = once(socket, 'close').then(([code, reason]) => {
    calls.close('closed');
    return { code: code as number, reason: String(reason) };
  });
  refused.catch(() => {});
  closed.catch(() => {});
  await Promise.race([once(socket, 'open'), refused]);
  return {
    ...calls,
    socket,
    closed,
    async leave() {
      socket.close();
      await closed;
    },
  };
}
