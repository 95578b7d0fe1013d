import { type Command, InvalidArgumentError } from 'commander';
import type { ReportProgress } from '#lib/progress.ts';
import { addCommand, answers } from './command.ts';
import type { Output } from './output.ts';
import { bytesText, countText, timedWithProgress } from './progress.ts';
import { addStorageFlags, type StorageFlags, storageFlags } from './storage-flags.ts';

export interface BackupReport {
  readonly folder: string;
  readonly generation: string;
  readonly manifests: number;
  readonly blobs: { readonly count: number; readonly bytes: number };
  readonly copied: { readonly count: number; readonly bytes: number };
  readonly replaced: number;
  readonly secretKey: 'in-the-backup' | 'left-out' | 'in-the-environment';
  readonly problems: readonly string[];
  readonly removed: readonly string[];
  readonly generations: number;
}

export type Backup = (
  flags: StorageFlags,
  options: {
    readonly to: string;
    readonly keep: number | undefined;
    readonly secretKey: boolean;
    readonly rehash: boolean;
    readonly report: ReportProgress;
  },
) => Promise<BackupReport>;

interface Options extends StorageFlags {
  readonly keep?: number;
  readonly secretKey: boolean;
  readonly rehash?: boolean;
}

const secretKeySentences: Readonly<Record<BackupReport['secretKey'], string>> = {
  'in-the-backup':
    "It holds secret.key, which opens the secrets in it: keep the folder as safe as the server's own.",
  'left-out':
    'It does not hold secret.key, without which its secrets cannot be opened: keep that file somewhere else.',
  'in-the-environment':
    'It does not hold BERTH_SECRET_KEY, without which its secrets cannot be opened: keep that key somewhere else.',
};

export function addBackupCommand(program: Command, backup: Backup) {
  const command = addCommand(program, 'backup <folder>', {
    summary: 'Back up a registry while it serves',
    description:
      'Runs on the machine of the server, with its settings. Adds to the folder what the registry is at this moment: the database and every blob, consistent with each other. A blob that the folder holds already is not copied again. The configuration (environment, berth.yaml, certificate files) is not in it.',
    examples: [
      'berth backup /mnt/backups/registry',
      'berth backup /mnt/backups/registry --keep 14 --data /var/lib/berth',
    ],
  })
    .option('--keep <count>', 'remove all but this many of the newest backups', wholeCount)
    .option('--rehash', 'read what earlier backups copied, and copy it again where it is damaged')
    .option('--no-secret-key', 'leave secret.key out: keep it somewhere else');
  answers(addStorageFlags(command), async (options: Options, folder: string) => {
    const { keep, secretKey, rehash = false } = options;
    const { result, seconds } = await timedWithProgress((report) =>
      backup(storageFlags(options), { to: folder, keep, secretKey, rehash, report }),
    );
    return answerOf(result, seconds);
  });
}

function wholeCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,6}$/.test(text) && count >= 1) return count;
  throw new InvalidArgumentError('Write a number of backups, such as 14.');
}

function answerOf(report: BackupReport, seconds: number): Output {
  const { folder, generation, manifests, blobs, copied, problems, removed } = report;
  const lines = [
    ...problems,
    ...(problems.length === 0
      ? []
      : ['Run berth verify, which says what needs these blobs. The rest is backed up.', '']),
    `Backup ${generation} in ${folder}: ${countText(manifests)} manifests and ${countText(blobs.count)} blobs of ${bytesText(blobs.bytes)}.`,
    `New in it are ${countText(copied.count)} blobs of ${bytesText(copied.bytes)}; it took ${seconds.toFixed(1)} s.`,
    ...(report.replaced === 0
      ? []
      : [`${countText(report.replaced)} of these stand in for copies that had been damaged.`]),
    secretKeySentences[report.secretKey],
    ...(removed.length === 0 ? [] : [`Removed: ${removed.join(', ')}.`]),
  ];
  return {
    json: { ...report, seconds: Number(seconds.toFixed(3)) },
    text: lines.join('\n'),
    failed: problems.length > 0,
  };
}
