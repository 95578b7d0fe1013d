import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { JWTPayload } from 'jose';
import type { ClusterGrant } from '#contract/clusters.ts';
import type { Reply, TestServer } from '#test/server.ts';
import {
  type AgentOptions,
  connectAgent,
  enrolled,
  issuer,
  makeCluster,
  registryName,
  type TestAgent,
  type TestCluster,
} from './agents.ts';

export const scope = 'repository:team/app:pull';

export interface Account {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** A token as a kubelet gets it for a pod; what is given replaces what is right. */
export function podToken(
  cluster: TestCluster,
  { namespace, serviceAccount }: Account = { namespace: 'web', serviceAccount: 'default' },
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return cluster.sign(
    {
      iss: issuer,
      sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
      aud: [registryName],
      iat: now,
      nbf: now,
      exp: now + 3_607,
      jti: crypto.randomUUID(),
      'kubernetes.io': {
        namespace,
        node: { name: 'node-1', uid: 'n' },
        pod: { name: 'app-1', uid: 'p' },
        serviceaccount: { name: serviceAccount, uid: 's' },
      },
      ...claims,
    } as JWTPayload,
    header,
  );
}

/** A server that the cluster `prod` is connected to, with what is asked of it for workloads. */
export interface Workplace {
  readonly server: TestServer;
  readonly prod: TestCluster;
  /** The agent of `prod`. */
  agent: TestAgent;
  /** Connects `keys` as `cluster`, by an agent that answers as that of `prod`. */
  join(cluster: string, keys: TestCluster): Promise<TestAgent>;
  /** Tells the server of namespaces of `prod`. */
  report(namespaces: readonly { name: string; labels: Record<string, string> }[]): Promise<unknown>;
  /** As the admin, unless `as` says otherwise. */
  rest(method: string, path: string, body?: unknown, as?: string): Promise<Reply>;
  /** Grants namespaces of `prod` pulls from the project `team`, and tells the grant's number. */
  grant(selector: unknown): Promise<number>;
  revoke(id: number): Promise<void>;
  withGrant(selector: unknown, run: () => Promise<void>): Promise<void>;
  /** As containerd asks first. */
  askByForm(password: string, username?: string): Promise<Reply>;
  askByBasic(password: string, username?: string): Promise<Reply>;
  pull(registryToken: string): Promise<Reply>;
}

/** @param answers of the agents to what the server asks of them */
export function workplace(
  start: () => Promise<TestServer>,
  answers: NonNullable<AgentOptions['answers']> = {},
): Workplace {
  let server: TestServer;
  let prod: TestCluster;
  let agent: TestAgent;

  before(async () => {
    server = await start();
    prod = await makeCluster();
    agent = await join('prod', prod);
    for (const project of ['team', 'other']) {
      await rest('POST', '/projects', { project_name: project, metadata: { public: 'false' } });
    }
    for (const username of ['alice', 'jwt']) {
      await rest('POST', '/users', { username, password: `password of ${username}` });
    }
    await rest('POST', '/projects/team/members', {
      role_id: 1,
      member_user: { username: 'alice' },
    });
    await report([
      { name: 'web', labels: { tier: 'front' } },
      { name: 'kube-system', labels: { tier: 'front' } },
    ]);
  });
  after(async () => {
    await agent.leave();
    await server.stop();
  });

  async function join(cluster: string, keys: TestCluster): Promise<TestAgent> {
    const { secret } = await enrolled(server, cluster, keys);
    return connectAgent(server, { secret, proof: await keys.token(), answers });
  }

  function report(namespaces: readonly { name: string; labels: Record<string, string> }[]) {
    const changed = namespaces.map((namespace) => ({
      uid: `uid of ${namespace.name}`,
      ...namespace,
    }));
    return agent.call('namespaces.report', { complete: false, changed, removed: [] });
  }

  async function rest(
    method: string,
    path: string,
    body?: unknown,
    as: string | undefined = server.admin,
  ): Promise<Reply> {
    return server.request(`/api/v2.0${path}`, {
      method,
      as,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  }

  async function grant(selector: unknown): Promise<number> {
    const reply = await rest('POST', '/clusters/prod/grants', { project: 'team', selector });
    assert.ok(reply.status === 201 || reply.status === 200, String(reply.body));
    return (reply.json() as ClusterGrant).id;
  }

  async function revoke(id: number): Promise<void> {
    assert.equal((await rest('DELETE', `/clusters/prod/grants/${id}`)).status, 200);
  }

  return {
    get server() {
      return server;
    },
    get prod() {
      return prod;
    },
    get agent() {
      return agent;
    },
    set agent(another) {
      agent = another;
    },
    join,
    report,
    rest,
    grant,
    revoke,

    async withGrant(selector, run) {
      const id = await grant(selector);
      try {
        await run();
      } finally {
        await revoke(id);
      }
    },

    askByForm(password, username = 'jwt') {
      return server.request('/service/token', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: String(
          new URLSearchParams({
            grant_type: 'password',
            service: 'harbor-registry',
            client_id: 'containerd-client',
            scope,
            username,
            password,
          }),
        ),
      });
    },

    askByBasic: (password, username = 'jwt') =>
      server.request(`/service/token?service=harbor-registry&scope=${scope}`, {
        as: `${username}:${password}`,
      }),

    pull: (token) => server.request('/v2/team/app/manifests/1', { token }),
  };
}

/** What a token that was asked for may do. */
export async function scopeOf(reply: Promise<Reply>): Promise<string> {
  const { status, body, json } = await reply;
  assert.equal(status, 200, String(body));
  return (json() as { scope: string }).scope;
}

/** The sentence that a request is refused by. */
export async function refusal(reply: Promise<Reply>, status = 401): Promise<string> {
  const { status: given, body, json } = await reply;
  assert.equal(given, status, String(body));
  return (json() as { errors: { message: string }[] }).errors[0]?.message ?? '';
}
