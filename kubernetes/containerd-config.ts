/** What containerd's configuration says of registries. */
export interface ContainerdRegistrySettings {
  /** The first folder of `config_path`; empty where the file empties it, undefined where it is silent. */
  readonly configPath: string | undefined;
  /** Version 2 is containerd 1.x, version 3 is containerd 2.x. */
  readonly version: number;
  /** `registry.mirrors` or `registry.configs`, which containerd refuses beside a `config_path`. */
  readonly hasLegacyRegistries: boolean;
}

const sections = {
  2: 'plugins.io.containerd.grpc.v1.cri.registry',
  3: 'plugins.io.containerd.cri.v1.images.registry',
} as const;

/** Reads what matters out of a `config.toml`, line by line: other content is passed over. */
export function readContainerdConfig(text: string): ContainerdRegistrySettings {
  let section = '';
  let version = 1;
  let configPath: string | undefined;
  let hasLegacyRegistries = false;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const heading = /^\[([^[\]]+)\]/.exec(line)?.[1];
    if (heading !== undefined) {
      section = heading.replace(/["'\s]/g, '');
      hasLegacyRegistries ||= isLegacy(section);
      continue;
    }
    const setting = /^([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|(\d+))/.exec(line);
    if (setting === null) continue;
    const value = setting[2] ?? setting[3] ?? setting[4] ?? '';
    if (section === '' && setting[1] === 'version') version = Number(value);
    if (setting[1] === 'config_path' && isRegistrySection(section)) {
      configPath = value.split(':')[0] ?? '';
    }
  }
  return { configPath, version, hasLegacyRegistries };
}

function isRegistrySection(section: string): boolean {
  return section === sections[2] || section === sections[3];
}

function isLegacy(section: string): boolean {
  return Object.values(sections).some(
    (registry) =>
      section.startsWith(`${registry}.mirrors.`) || section.startsWith(`${registry}.configs.`),
  );
}

/** The lines that make containerd read `configPath`, for a configuration of `version`. */
export function configPathLines(version: number, configPath: string): string {
  const plugin =
    version >= 3 ? 'plugins."io.containerd.cri.v1.images"' : 'plugins."io.containerd.grpc.v1.cri"';
  return `[${plugin}.registry]\n  config_path = "${configPath}"`;
}

/** Major and minor release out of `containerd://2.4.2` or what `containerd --version` prints; else zeros. */
export function parseRuntimeVersion(text: string): readonly [major: number, minor: number] {
  const [, major = '0', minor = '0'] = /\bv?(\d+)\.(\d+)\.\d+/.exec(text) ?? [];
  return [Number(major), Number(minor)];
}
