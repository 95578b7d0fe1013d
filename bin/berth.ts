import { runCommandLine } from '../cli/main.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  async serve(flags) {
    const { serve } = await import('#server/app/serve.ts');
    await serve(flags);
  },
  async verify(flags, options) {
    const { verify } = await import('#server/app/verify/verify.ts');
    return verify(flags, options);
  },
});
