/** Where a kubelet finds its credential providers. */
export interface ProviderPlaces {
  readonly configFile: string;
  readonly binaryFolder: string;
}

const configFlag = '--image-credential-provider-config';
const folderFlag = '--image-credential-provider-bin-dir';

/** What the kubelet is to be started with. It ends at its start when one of the two leads nowhere. */
export function kubeletFlags({ configFile, binaryFolder }: ProviderPlaces): readonly string[] {
  return [`${configFlag}=${configFile}`, `${folderFlag}=${binaryFolder}`];
}

/** What a kubelet's arguments say of it: `--flag=value`, or `--flag` `value`. */
export function placesIn(kubeletArguments: readonly string[]): Partial<ProviderPlaces> {
  const configFile = argumentOf(kubeletArguments, configFlag);
  const binaryFolder = argumentOf(kubeletArguments, folderFlag);
  return {
    ...(configFile !== undefined && { configFile }),
    ...(binaryFolder !== undefined && { binaryFolder }),
  };
}

function argumentOf(all: readonly string[], flag: string): string | undefined {
  const place = all.findLastIndex((text) => text === flag || text.startsWith(`${flag}=`));
  if (place < 0) return undefined;
  return all[place] === flag ? all[place + 1] : all[place]?.slice(flag.length + 1);
}

/** Where kubeadm keeps what it starts kubelets with; systemd reads it. */
export const kubeadmFlagsFile = '/var/lib/kubelet/kubeadm-flags.env';

/** That file with the flags that lead to `places`; undefined: with none of a credential provider. */
export function withKubeadmFlags(existing: string, places: ProviderPlaces | undefined): string {
  const line = /^(KUBELET_KUBEADM_ARGS=)(["']?)(.*?)\2[ \t]*$/m;
  const added = places === undefined ? [] : kubeletFlags(places);
  const [whole, , , given] = line.exec(existing) ?? [];
  if (whole === undefined || given === undefined) {
    if (added.length === 0) return existing;
    const before = existing === '' || existing.endsWith('\n') ? existing : `${existing}\n`;
    return `${before}KUBELET_KUBEADM_ARGS="${added.join(' ')}"\n`;
  }
  const kept = given
    .split(' ')
    .filter((text) => text !== '' && !/^--image-credential-provider-(config|bin-dir)=/.test(text));
  return existing.replace(whole, () => `KUBELET_KUBEADM_ARGS="${[...kept, ...added].join(' ')}"`);
}

/** The distributions that start the kubelet inside of themselves. */
export type EmbeddingDistribution = 'k3s' | 'rke2';

/** A file of settings that nobody else writes. */
export function settingsFileOf(distribution: EmbeddingDistribution): string {
  return `/etc/rancher/${distribution}/config.yaml.d/berth.yaml`;
}

/** Its content. */
export function settingsOf({ configFile, binaryFolder }: ProviderPlaces): string {
  return [
    `${configFlag.slice(2)}: ${JSON.stringify(configFile)}`,
    `${folderFlag.slice(2)}: ${JSON.stringify(binaryFolder)}`,
    '',
  ].join('\n');
}

/** The command that makes a node read what was changed. Its pods run on. */
export function restartCommand(distribution: string): string {
  switch (distribution) {
    case 'k3s':
      return 'systemctl restart k3s || systemctl restart k3s-agent';
    case 'rke2':
      return 'systemctl restart rke2-server || systemctl restart rke2-agent';
    default:
      return 'systemctl restart kubelet';
  }
}
