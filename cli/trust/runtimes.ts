import { access, readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { type ContainerRuntime, containerdConfigPath } from '#kubernetes/certs-d.ts';
import {
  configPathLines,
  parseRuntimeVersion,
  readContainerdConfig,
} from '#kubernetes/containerd-config.ts';
import { systemErrorCode } from '#lib/errors.ts';

/** Something on a machine that can be made to trust a registry. */
export type TrustTarget = ContainerRuntime | 'system';

export const trustTargets: readonly TrustTarget[] = ['docker', 'containerd', 'podman', 'system'];

const programs: Readonly<Record<TrustTarget, readonly string[]>> = {
  docker: ['dockerd', 'docker'],
  containerd: ['containerd'],
  podman: ['podman', 'crio', 'buildah', 'skopeo'],
  system: ['update-ca-certificates', 'update-ca-trust'],
};

/** k3s and RKE2 bring a containerd of their own, and write its configuration at each start. */
const rancherFiles = ['k3s', 'rke2'].map(
  (name) => `/var/lib/rancher/${name}/agent/etc/containerd/config.toml`,
);

const folders: Readonly<Record<TrustTarget, readonly string[]>> = {
  docker: ['/etc/docker'],
  containerd: ['/etc/containerd', ...rancherFiles],
  podman: ['/etc/containers', '/etc/crio'],
  system: [],
};

/** What a machine has, by its programs in `searchPath` and its folders below `root`. */
export async function findTargets(root: string, searchPath: string): Promise<TrustTarget[]> {
  const found: TrustTarget[] = [];
  for (const target of trustTargets) {
    const programFound = await anyExists(
      programs[target].flatMap((program) =>
        searchPathOf(searchPath).map((folder) => join(root, folder, program)),
      ),
    );
    if (programFound || (await anyExists(folders[target].map((path) => join(root, path))))) {
      found.push(target);
    }
  }
  return found;
}

/** sudo may leave out the folders of administrators. */
function searchPathOf(searchPath: string): string[] {
  return [...searchPath.split(delimiter).filter(Boolean), '/usr/sbin', '/sbin', '/usr/bin'];
}

async function anyExists(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}

export interface ContainerdFinding {
  /** Where the registry's folder goes. */
  readonly configPath: string;
  /** What containerd lacks to look there; undefined where it will. */
  readonly missing?: string;
}

/** From 2.2 on, containerd looks in `containerdConfigPath` unless it is told otherwise. */
const firstWithDefault = [2, 2] as const;

/**
 * @param version what `containerd --version` says; undefined where it is not known
 */
export async function inspectContainerd(
  root: string,
  version: string | undefined,
): Promise<ContainerdFinding> {
  const ofRancher = await inspectRancher(root);
  if (ofRancher !== undefined) return ofRancher;
  const path = '/etc/containerd/config.toml';
  const text = await readFile(join(root, path), 'utf8').catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  const settings = readContainerdConfig(text ?? '');
  if (settings.configPath) return { configPath: settings.configPath };
  const [major, minor] = parseRuntimeVersion(version ?? '');
  const [leastMajor, leastMinor] = firstWithDefault;
  const hasDefault = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  if (hasDefault && settings.configPath === undefined) return { configPath: containerdConfigPath };
  const configVersion = text === undefined ? (major >= 2 ? 3 : 2) : settings.version;
  const legacy = settings.hasLegacyRegistries
    ? `\nTake registry.mirrors and registry.configs out of ${path} first: containerd refuses them beside config_path.`
    : '';
  const head = text === undefined ? `version = ${configVersion}\n` : '';
  return {
    configPath: containerdConfigPath,
    missing: `containerd does not look in ${containerdConfigPath} yet. Put this into ${path} and restart containerd:${legacy}\n${head}${configPathLines(configVersion, containerdConfigPath)}`,
  };
}

/** What pulls for Kubernetes there, whatever other containerd the machine has. */
async function inspectRancher(root: string): Promise<ContainerdFinding | undefined> {
  for (const path of rancherFiles) {
    const text = await readFile(join(root, path), 'utf8').catch((error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) continue;
    const { configPath } = readContainerdConfig(text);
    const folder = `${dirname(path)}/certs.d`;
    return configPath
      ? { configPath }
      : {
          configPath: folder,
          missing: `${path} names no config_path: have a template of yours beside it, if there is one, begin with {{ template "base" . }}, or update the distribution that writes it.`,
        };
  }
  return undefined;
}
