import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTools, recipes } from '#test/tools/index.ts';
import { answers, freePort, type Program, startProgram } from './program.ts';

export interface DistributionSettings {
  readonly folder: string;
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

/**
 * distribution on the file system, with what makes it fast: no access log, no authentication, the
 * blob descriptors in memory.
 */
export async function startDistribution(settings: DistributionSettings): Promise<Program> {
  const { registry } = await ensureTools(recipes.distribution);
  const folder = join(settings.folder, 'distribution');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const { certificate } = settings;
  const configuration = {
    version: '0.1',
    log: { accesslog: { disabled: true }, level: 'error' },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      cache: { blobdescriptor: 'inmemory' },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'one-process-needs-no-other',
      ...(certificate !== undefined && {
        tls: { certificate: certificate.certificate, key: certificate.key },
      }),
    },
  };
  // JSON is YAML.
  const path = join(folder, `configuration-${port}.yaml`);
  writeFileSync(path, JSON.stringify(configuration));
  const scheme = certificate === undefined ? 'http' : 'https';
  const program = startProgram({
    command: registry,
    args: ['serve', path],
    environment: { OTEL_TRACES_EXPORTER: 'none' },
    origin: `${scheme}://127.0.0.1:${port}`,
    log: join(folder, `distribution-${port}.log`),
  });
  if (certificate === undefined) await answers(program, '/v2/');
  return program;
}
