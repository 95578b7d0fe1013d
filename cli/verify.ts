import type { Command } from 'commander';
import type { ReportProgress } from '#lib/progress.ts';
import { addCommand, answers } from './command.ts';
import type { Output } from './output.ts';
import { bytesText, countText, timedWithProgress } from './progress.ts';
import { addStorageFlags, type StorageFlags, storageFlags } from './storage-flags.ts';

export interface VerifyFinding {
  readonly kind: string;
  readonly subject: string;
  readonly problem: string;
  readonly cure: string | undefined;
  readonly repair: string | undefined;
}

export interface VerifyReport {
  readonly blobs: number;
  readonly bytes: number;
  readonly manifests: number;
  readonly orphans: { readonly files: number; readonly uploads: number; readonly bytes: number };
  readonly findings: readonly VerifyFinding[];
  readonly found: number;
  /** Findings that somebody has to do something about. */
  readonly open: number;
}

export type Verify = (
  flags: StorageFlags,
  options: { readonly repair: boolean; readonly report: ReportProgress },
) => Promise<VerifyReport>;

export function addVerifyCommand(program: Command, verify: Verify) {
  const command = addCommand(program, 'verify', {
    summary: 'Check every byte and every reference of a registry',
    description:
      'Runs on the machine of the server, with its settings, while it serves or not. It reads every blob and compares it with its digest, and every manifest with what the database says of it. Without --repair it changes nothing. It ends with 1 when something is wrong.\n\n--repair marks lost and damaged blobs, so that clients push them again, and the next push heals them in every repository; removes damaged manifests, so that they can be pushed again; and puts references right.',
    examples: ['berth verify', 'berth verify --data /var/lib/berth --repair'],
  }).option('--repair', 'put right what can be put right here');
  answers(
    addStorageFlags(command),
    async ({ repair = false, ...flags }: StorageFlags & { readonly repair?: boolean }) => {
      const { result, seconds } = await timedWithProgress((report) =>
        verify(storageFlags(flags), { repair, report }),
      );
      return answerOf(result, seconds);
    },
  );
}

function answerOf(report: VerifyReport, seconds: number): Output {
  const { blobs, bytes, manifests, orphans, findings, found, open } = report;
  const rate = seconds > 0 ? ` (${bytesText(bytes / seconds)}/s)` : '';
  const lines = findings.flatMap(({ problem, repair, cure }) => [
    problem,
    ...[repair, cure].filter((text) => text !== undefined).map((text) => `  ${text}`),
  ]);
  if (found > findings.length) lines.push(`And ${countText(found - findings.length)} more.`);
  if (lines.length > 0) lines.push('');
  lines.push(
    `Checked ${countText(blobs)} blobs of ${bytesText(bytes)} and ${countText(manifests)} manifests in ${seconds.toFixed(1)} s${rate}.`,
  );
  if (orphans.files + orphans.uploads > 0) {
    lines.push(
      `${countText(orphans.files)} files and ${countText(orphans.uploads)} uploads (${bytesText(orphans.bytes)}) belong to nothing: collections remove them in time.`,
    );
  }
  lines.push(
    open === 0
      ? 'Everything is in order.'
      : `${countText(open)} of ${countText(found)} findings need you.`,
  );
  return {
    json: { ...report, seconds: Number(seconds.toFixed(3)), clean: open === 0 },
    text: lines.join('\n'),
    failed: open > 0,
  };
}
