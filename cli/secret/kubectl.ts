import { CommandFailure } from '../failure.ts';
import { runProgram } from '../run-program.ts';

/** kubectl, told which cluster and namespace to speak to. */
export interface Kubectl {
  /** What `kubectl get … -o json` answers; undefined where there is no such object. */
  get(...what: readonly string[]): Promise<unknown>;
  /** Creates an object. @param replace deletes one of the same name first */
  create(object: unknown, replace: boolean): Promise<void>;
}

export interface KubectlOptions {
  readonly namespace: string;
  readonly context: string | undefined;
}

/** Every method throws `CommandFailure` with what kubectl said. */
export function createKubectl({ namespace, context }: KubectlOptions): Kubectl {
  const common = [
    '--namespace',
    namespace,
    ...(context === undefined ? [] : ['--context', context]),
  ];

  async function run(given: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram('kubectl', [...common, ...given], {
      cure: 'install kubectl, or add the folder that it is in to PATH',
      ...(input !== undefined && { input }),
    });
    if (code === 0) return stdout;
    throw new KubectlFailure(stderr);
  }

  return {
    async get(...what) {
      try {
        return JSON.parse(await run(['get', ...what, '--output', 'json']));
      } catch (error) {
        if (error instanceof KubectlFailure && error.isNotFound) return undefined;
        if (error instanceof SyntaxError) {
          throw new CommandFailure(
            'kubectl did not answer in JSON: check which program that name runs.',
          );
        }
        throw error;
      }
    },
    async create(object, replace) {
      const verb = replace ? ['replace', '--force'] : ['create'];
      await run([...verb, '--filename', '-'], JSON.stringify(object));
    },
  };
}

class KubectlFailure extends CommandFailure {
  readonly isNotFound: boolean;

  constructor(stderr: string) {
    const said = stderr.trim().replace(/^Error from server \(\w+\): |^error: /i, '');
    super(
      `kubectl failed: ${said.slice(0, 1000) || 'it gave no reason'}${/[.!?]$/.test(said) ? '' : '.'}`,
    );
    this.isNotFound = /\(NotFound\)/.test(stderr);
  }
}
