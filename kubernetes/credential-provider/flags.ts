/** Where a kubelet finds its credential providers. */
export interface ProviderPlaces {
  readonly configFile: string;
  readonly binaryFolder: string;
}

/** What the kubelet is to be started with. It ends at its start when one of the two leads nowhere. */
export function kubeletFlags({ configFile, binaryFolder }: ProviderPlaces): readonly string[] {
  return [
    `--image-credential-provider-config=${configFile}`,
    `--image-credential-provider-bin-dir=${binaryFolder}`,
  ];
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
