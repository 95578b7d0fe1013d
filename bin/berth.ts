import { runCommandLine } from '../cli/main.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  async serve(flags) {
    const { serve } = await import('#server/app/serve.ts');
    await serve(flags);
  },
  async backup(flags, options) {
    const { backup } = await import('#server/app/backup/backup.ts');
    return backup(flags, options);
  },
  async restore(flags, options) {
    const { restore } = await import('#server/app/restore/restore.ts');
    return restore(flags, options);
  },
  async verify(flags, options) {
    const { verify } = await import('#server/app/verify/verify.ts');
    return verify(flags, options);
  },
});
