import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '#test/processes.ts';
import { startServer, type TestServer } from '#test/server.ts';
import { repositoryRoot } from '#test/suite.ts';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: () => any;
}

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The command line as a process of its own, with a home of its own. */
export interface CommandLine extends AsyncDisposable {
  readonly home: string;
  /** Its stored sessions. */
  readonly configFile: string;
  berth(given: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

export async function openCommandLine(): Promise<CommandLine> {
  const home = await mkdtemp(join(tmpdir(), 'berth-cli-'));
  return {
    home,
    configFile: join(home, '.config', 'berth', 'config.json'),
    async berth(given, { input, env = {} } = {}) {
      const program = join(repositoryRoot, 'bin', 'berth.ts');
      const result = await run(process.execPath, [program, ...given], {
        cwd: home,
        env: { HOME: home, PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
        ...(input !== undefined && { input }),
      });
      return { ...result, json: () => JSON.parse(result.stdout) };
    },
    async [Symbol.asyncDispose]() {
      await rm(home, { recursive: true });
    },
  };
}

/** A server, and a command line that is signed in to it as the admin. */
export interface SignedIn extends CommandLine {
  readonly server: TestServer;
  readonly adminPassword: string;
  readonly caFile: string;
}

/** @param settings of the server */
export async function signIn(settings: Parameters<typeof startServer>[0] = {}): Promise<SignedIn> {
  const server = await startServer(settings);
  const commandLine = await openCommandLine();
  const caFile = join(commandLine.home, 'ca.crt');
  await writeFile(caFile, server.authority);
  const adminPassword = server.admin.slice('admin:'.length);
  const result = await commandLine.berth(
    ['login', server.host, '--username', 'admin', '--password-stdin', '--ca-file', caFile],
    { input: `${adminPassword}\n` },
  );
  if (result.code !== 0) throw new Error(result.stderr);
  return {
    ...commandLine,
    server,
    adminPassword,
    caFile,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await commandLine[Symbol.asyncDispose]();
    },
  };
}

/** What tests ask of a command line that is there once they run. */
export function asking(commandLine: () => CommandLine) {
  return {
    /** Runs a command that must succeed, and reads its JSON. */
    async json(...given: string[]) {
      const result = await commandLine().berth([...given, '--json']);
      assert.equal(result.code, 0, result.stderr);
      return result.json();
    },
    /** Runs a command that must be refused by a sentence, and by nothing else. */
    async refused(sentence: RegExp, exitCode: number, ...given: string[]) {
      const { code, stdout, stderr } = await commandLine().berth(given);
      assert.equal(code, exitCode, stdout + stderr);
      assert.equal(stdout, '');
      assert.match(stderr, sentence);
      assert.doesNotMatch(stderr, /\n\s+at |node:internal/);
    },
  };
}
