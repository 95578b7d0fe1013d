import { stringify } from 'yaml';
import { type ContainerRuntime, type RegistryAddress, trustFiles } from '#kubernetes/certs-d.ts';
import type { TrustTarget } from './runtimes.ts';

/** A cloud-config that makes a new machine trust `certificate` for a registry. */
export function cloudInit(
  address: RegistryAddress,
  certificate: string,
  targets: readonly TrustTarget[],
): string {
  const runtimes = targets.filter((target): target is ContainerRuntime => target !== 'system');
  const files = runtimes.flatMap((runtime) => trustFiles(runtime, address, certificate));
  const content = {
    ...(targets.includes('system') && { ca_certs: { trusted: [certificate] } }),
    ...(files.length > 0 && {
      write_files: files.map((file) => ({ ...file, permissions: '0644', owner: 'root:root' })),
    }),
  };
  return `#cloud-config\n${stringify(content)}`;
}
