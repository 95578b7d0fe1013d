import { join } from 'node:path';
import type { Recipe } from './recipes.ts';
import { isMissingProgram, lastLines, type RunResult, run } from './run.ts';

const downloadTries = 3;

/** Settings of every build. Read-only modules: go.mod and go.sum alone decide what is built. */
export const goEnvironment = {
  CGO_ENABLED: '0',
  GOFLAGS: '-mod=readonly -trimpath -buildvcs=false',
  GOWORK: 'off',
} as const;

/** The compiler and the platform that it builds for. */
export async function goIdentity(folder: string): Promise<string> {
  const result = await go(folder, ['env', 'GOVERSION', 'GOOS', 'GOARCH']);
  if (result.code !== 0) {
    throw new Error(`Go cannot read ${join(folder, 'go.mod')}.\n${lastLines(result.stderr)}`);
  }
  return result.stdout.trim().split('\n').join(' ');
}

export async function downloadModules(recipe: Recipe): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const result = await go(recipe.folder, ['mod', 'download']);
    if (result.code === 0) return;
    if (attempt === downloadTries) {
      throw new Error(
        `The modules of ${recipe.name} cannot be downloaded; check the network and GOPROXY, then ` +
          `run it again.\n${lastLines(result.stderr)}`,
      );
    }
  }
}

export async function buildBinaries(recipe: Recipe, output: string): Promise<void> {
  for (const [name, binary] of Object.entries(recipe.binaries)) {
    const stamps = Object.entries(binary.stamps ?? {}).map(([key, value]) => `-X ${key}=${value}`);
    const linkerFlags = ['-s', '-w', ...stamps].join(' ');
    const result = await go(recipe.folder, [
      'build',
      `-ldflags=${linkerFlags}`,
      '-o',
      join(output, name),
      binary.package,
    ]);
    if (result.code !== 0) {
      throw new Error(
        `${name} of ${recipe.name} does not build; mend ${join(recipe.folder, 'go.mod')}.\n` +
          lastLines(result.stderr),
      );
    }
  }
}

async function go(folder: string, args: readonly string[]): Promise<RunResult> {
  try {
    return await run('go', args, { cwd: folder, env: goEnvironment });
  } catch (error) {
    if (!isMissingProgram(error)) throw error;
    throw new Error(
      'The test tools are built with Go: install Go 1.26.7 or newer from https://go.dev/dl and ' +
        'put its bin folder on the PATH.',
    );
  }
}
