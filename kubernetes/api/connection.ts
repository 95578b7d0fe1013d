import { readFile } from 'node:fs/promises';

/** How an API server is reached, and as whom. */
export interface KubernetesConnection {
  /** `https://host:port` */
  readonly server: string;
  /** PEM of what signs its certificate; asked again for each new connection. */
  readonly authority: string | (() => Promise<string>);
  /** A bearer token; asked again for each request. */
  readonly token?: string | (() => Promise<string>);
  /** PEM, instead of a token. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string };
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A kubelet replaces a token long before it ends. */
const rememberedMilliseconds = 30_000;

/**
 * The connection that every pod has: its ServiceAccount's token and the cluster's authority, read
 * again as the kubelet renews them.
 */
export function inClusterConnection(
  host: string,
  port: string,
  folder: string = serviceAccountFolder,
): KubernetesConnection {
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    authority: () => readFile(`${folder}/ca.crt`, 'utf8'),
    token: remembered(async () => (await readFile(`${folder}/token`, 'utf8')).trim()),
  };
}

function remembered(read: () => Promise<string>): () => Promise<string> {
  let last: { readonly value: string; readonly until: number } | undefined;
  return async () => {
    const now = performance.now();
    if (last === undefined || last.until < now) {
      last = { value: await read(), until: now + rememberedMilliseconds };
    }
    return last.value;
  };
}
