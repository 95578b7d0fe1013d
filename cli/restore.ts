import type { Command } from 'commander';
import type { ReportProgress } from '#lib/progress.ts';
import { addCommand, answers } from './command.ts';
import type { Output } from './output.ts';
import { bytesText, countText, timedWithProgress } from './progress.ts';
import { addStorageFlags, type StorageFlags, storageFlags } from './storage-flags.ts';

export interface RestoreReport {
  readonly generation: string;
  readonly madeAt: string;
  readonly dataFolder: string;
  readonly dialect: 'sqlite' | 'postgres';
  readonly manifests: number;
  readonly blobs: { readonly count: number; readonly bytes: number };
  readonly problems: readonly string[];
}

export type Restore = (
  flags: StorageFlags,
  options: {
    readonly from: string;
    readonly generation: string | undefined;
    readonly report: ReportProgress;
  },
) => Promise<RestoreReport>;

interface Options extends StorageFlags {
  readonly generation?: string;
}

export function addRestoreCommand(program: Command, restore: Restore) {
  const command = addCommand(program, 'restore <folder>', {
    summary: 'Bring a backup into an empty data folder',
    description:
      'Brings the newest backup of the folder, or the one named, into a data folder that is new or empty. With --database-url the rows go to that empty PostgreSQL database, whatever database the backup was made of, so this is also how to move to PostgreSQL and back. Every byte is compared with its digest on the way. A restore that was broken off is begun again by the same command.',
    examples: [
      'berth restore /mnt/backups/registry --data /var/lib/berth',
      'berth restore /mnt/backups/registry --generation 2026-03-01T02-00-00Z --data ./data',
    ],
  }).option('--generation <name>', 'which backup of the folder (default: the newest)');
  answers(addStorageFlags(command), async (options: Options, folder: string) => {
    const { result, seconds } = await timedWithProgress((report) =>
      restore(storageFlags(options), { from: folder, generation: options.generation, report }),
    );
    return answerOf(result, seconds);
  });
}

function answerOf(report: RestoreReport, seconds: number): Output {
  const { generation, dataFolder, manifests, blobs, problems } = report;
  const lines = [
    ...problems,
    ...(problems.length === 0
      ? []
      : [
          'These blobs are marked as lost: push images that contain them again, which heals them everywhere. Run berth verify to see which images. The rest is restored.',
          '',
        ]),
    `Restored ${generation} into ${dataFolder}: ${countText(manifests)} manifests and ${countText(blobs.count)} blobs of ${bytesText(blobs.bytes)} in ${seconds.toFixed(1)} s.`,
    'Serve it with berth serve and the same settings.',
  ];
  return {
    json: { ...report, seconds: Number(seconds.toFixed(3)) },
    text: lines.join('\n'),
    failed: problems.length > 0,
  };
}
