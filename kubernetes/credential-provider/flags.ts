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

/** By which whoever changed the flags has a node read them, where systemd runs it. */
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

/** What to do where Berth could not have a node read what was changed. Its pods run on. */
export function restartCure(distribution: string, node: string): string {
  switch (distribution) {
    case 'k3s':
      return `No unit of systemd runs k3s there. Run on the node what starts it anew: rc-service k3s restart, or rc-service k3s-agent restart; of a cluster of k3d, docker restart ${node}`;
    case 'rke2':
      return 'No unit of systemd by the name of rke2-server or rke2-agent runs there: start RKE2 anew on the node.';
    default:
      return 'There is no systemd that Berth could ask. Run on the node: systemctl restart kubelet';
  }
}
