import type { ServerResponse } from 'node:http';
import {
  type Fault,
  startTestApiServer,
  type TestApiServer,
} from '#kubernetes/testing/api-server.ts';

const secrets = '/api/v1/namespaces/berth/secrets';

/** An API server that also tells which cluster it is of, and issues tokens. */
export interface TestCluster extends TestApiServer {
  /** Puts a connect token where the agent looks for it. */
  offer(token: string): void;
  /** The value of a key of a Secret in the namespace `berth`. */
  secret(name: string, key: string): string | undefined;
  /** Of its ServiceAccount keys. */
  kid: string;
}

export async function startTestCluster(): Promise<TestCluster> {
  const server = await startTestApiServer();
  server.put('/api/v1/namespaces', { metadata: { name: 'kube-system', uid: 'uid-of-cluster' } });
  let issued = 0;
  const answers: Readonly<Record<string, () => object>> = {
    'GET /api/v1/namespaces/kube-system': () => ({
      metadata: { name: 'kube-system', uid: 'uid-of-cluster' },
    }),
    'GET /.well-known/openid-configuration': () => ({ issuer: 'https://issuer.test' }),
    'GET /openid/v1/jwks': () => ({ keys: [{ kty: 'RSA', kid: cluster.kid, n: 'n', e: 'AQAB' }] }),
    'GET /version': () => ({ gitVersion: 'v1.36.3' }),
    'POST /api/v1/namespaces/berth/serviceaccounts/berth-agent/token': () => ({
      status: { token: `proof-${++issued}`, expirationTimestamp: '' },
    }),
  };
  const answer: Fault = (request, response: ServerResponse) => {
    const known = answers[`${request.method} ${request.url}`];
    if (known === undefined) return undefined;
    response.end(JSON.stringify(known()));
    return true;
  };
  const cluster: TestCluster = Object.assign(server, {
    kid: 'first',
    offer: (token: string) => {
      const data = { token: Buffer.from(token).toString('base64') };
      server.put(secrets, { metadata: { name: 'berth-connect', namespace: 'berth' }, data });
    },
    secret: (name: string, key: string) => {
      const { data } = (server.get(`${secrets}/${name}`) ?? {}) as {
        data?: Record<string, string>;
      };
      const value = data?.[key];
      return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
    },
  });
  cluster.fault = answer;
  return cluster;
}
