import { runCommandLine } from '../cli/main.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), async (flags) => {
  const { serve } = await import('#server/app/serve.ts');
  await serve(flags);
});
