/*
 * What the pod of the DaemonSet needs for the script in it: the node's own shell and tools, its
 * files, and a look at its processes (`hostPID`). The image need hold nothing.
 */

/** Folders of the node that lie at the same place in the pod, read-only: its programs. */
export const programFolders: readonly string[] = ['/bin', '/lib', '/lib64', '/sbin', '/usr'];

/** Where the node's root lies in the pod, read-only. */
export const nodeRoot = '/node';

/** What may be written of it. */
export const writableFolders: readonly string[] = ['/etc', '/var'];

/** Where the ConfigMap `berth-node` is mounted, without `subPath`, which never changes. */
export const filesFolder = '/berth';

export const scriptKey = 'node.sh';
/** PEM of the authorities, where the registry has its own. */
export const certificateKey = 'ca.crt';

/** Of the container. Its root file system may be read-only. */
export const nodeCommand: readonly string[] = [
  '/bin/sh',
  `${filesFolder}/${scriptKey}`,
  filesFolder,
  nodeRoot,
  '/proc',
];

/**
 * Root without its powers but one: to run the node's own `systemctl` and `containerd --version` at
 * the node's root. The type is SELinux's for containers that may write on their node.
 */
export const nodeSecurityContext = {
  runAsUser: 0,
  runAsGroup: 0,
  runAsNonRoot: false,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'], add: ['SYS_CHROOT'] },
  seLinuxOptions: { type: 'spc_t' },
} as const;
