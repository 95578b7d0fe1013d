import { type Command, InvalidArgumentError } from 'commander';
import { AnsweredFailure } from './failure.ts';
import { type Output, show } from './output.ts';

export interface CommandText {
  readonly summary: string;
  /** What the summary has no room for. */
  readonly description?: string;
  /** Command lines as they are typed, at least one. */
  readonly examples: readonly [string, ...string[]];
}

/** A command that does something; `usage` is its name and its arguments. */
export function addCommand(parent: Command, usage: string, text: CommandText): Command {
  const examples = text.examples.map((example) => `  $ ${example}`).join('\n');
  return parent
    .command(usage)
    .summary(text.summary)
    .description(
      `${text.summary}.${text.description === undefined ? '' : `\n\n${text.description}`}`,
    )
    .addHelpText('after', `\n${text.examples.length === 1 ? 'Example' : 'Examples'}:\n${examples}`);
}

/** A noun, whose commands follow it. */
export function addNoun(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .usage('COMMAND')
    .summary(summary)
    .description(`${summary}.`)
    .helpCommand(false);
}

/** Gives `command` its action and `--json`; what the action answers is shown. */
export function answers<Arguments extends readonly unknown[], Options extends object>(
  command: Command,
  run: (options: Options, ...given: Arguments) => Promise<Output>,
): Command {
  return command.option('--json', 'answer in JSON, for scripts').action(async (...given) => {
    // Commander hands over the arguments, then the options, then the command.
    const options = given.at(-2) as Options & { readonly json?: boolean };
    const output = await run(options, ...(given.slice(0, -2) as unknown as Arguments));
    show(output, options.json === true);
    if (output.failed) throw new AnsweredFailure();
  });
}

/** For options that may be given again. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, ...value.split(',').filter((part) => part !== '')];
}

export function wholeDays(text: string): number {
  const days = Number(text);
  if (/^\d{1,5}$/.test(text) && days >= 1) return days;
  throw new InvalidArgumentError('Write a number of days, such as 90.');
}
