import { join } from 'node:path';
import type { Host } from '#test/hosts.ts';
import { type Started, waitFor } from '#test/processes.ts';
import type { KeyPair } from '../identities.ts';

/** What an ingress controller is to Berth: TLS ends here, and plain HTTP goes on to the pod itself. */
export interface TlsProxy {
  /** Where the pod is now. */
  forwardTo(address: string): Promise<void>;
  stop(): Promise<void>;
}

/** Debian's nginx in the host, with the headers and limits of the usual ingress controllers. */
export async function startProxy(host: Host, pair: KeyPair, address: string): Promise<TlsProxy> {
  const file = (name: string) => join(host.home, name);
  const configure = (pod: string) => host.write(file('nginx.conf'), configuration(host.home, pod));
  await host.write(file('tls.crt'), pair.certificate);
  await host.write(file('tls.key'), pair.key, 0o600);
  await configure(address);
  const options = ['-p', host.home, '-c', file('nginx.conf'), '-e', 'stderr'];
  const nginx: Started = await host.spawn('nginx', '/usr/sbin/nginx', options);
  const answers = (pod: string) =>
    // Until nginx has read its configuration anew, it may forward to a pod that is gone.
    waitFor(() => host.run('curl', ['-fsSk', '--max-time', '2', 'https://127.0.0.1/readyz']), {
      what: `nginx to forward to ${pod}`,
      until: ({ code }) => code === 0,
      programs: [nginx],
    });
  await answers(address);
  return {
    forwardTo: async (pod) => {
      await configure(pod);
      await host.exec('/usr/sbin/nginx', ...options, '-s', 'reload');
      await answers(pod);
    },
    stop: () => nginx.stop(),
  };
}

function configuration(folder: string, pod: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${folder}/nginx-${kind};\n`)
    .join('');
  return `daemon off;
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
${temporary}  server {
    listen 443 ssl;
    ssl_certificate ${folder}/tls.crt;
    ssl_certificate_key ${folder}/tls.key;
    client_max_body_size 0;
    location / {
      proxy_pass http://${pod}:5000;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port 443;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`;
}
