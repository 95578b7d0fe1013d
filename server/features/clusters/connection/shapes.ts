import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { agentMethods, type ServerCalls, serverMethods } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import type { Answer } from '#lib/remote-calls.ts';

/**
 * What answers an agent: each call gets parameters of the shape that the contract says, without
 * whatever else was sent.
 */
export function checkedAnswers(calls: ServerCalls): Readonly<Record<string, Answer>> {
  return Object.fromEntries(
    Object.entries(serverMethods).map(([method, { parameters }]) => {
      const read = readerOf(parameters);
      const call = calls[method as keyof ServerCalls] as Answer;
      const answer: Answer = async (given) =>
        call(read(given, (problem) => new Refusal('invalid', `${method}: ${problem}.`)));
      return [method, answer];
    }),
  );
}

const results: Readonly<Record<string, ReturnType<typeof readerOf>>> = Object.fromEntries(
  Object.entries(agentMethods).map(([method, { result }]) => [method, readerOf(result)]),
);

/**
 * What an agent answered, in the shape that the contract says.
 * @throws {Refusal} `unavailable`
 */
export function readResult(method: keyof typeof agentMethods, result: unknown): unknown {
  return results[method]?.(
    result,
    () =>
      new Refusal(
        'unavailable',
        `The agent answered ${method} with something that is no answer: its version may be another one.`,
      ),
  );
}

/** Compiled when it is first used: most shapes of a process never are. */
function readerOf(schema: TSchema) {
  let validator: Validator | undefined;
  return (value: unknown, refusal: (problem: string) => Refusal): unknown => {
    validator ??= Compile(schema);
    if (!validator.Check(value)) {
      const [first] = validator.Errors(value);
      const place = first?.instancePath.slice(1).replaceAll('/', '.').slice(0, 200);
      throw refusal(`${place === '' ? 'the whole' : place} ${first?.message ?? 'is not valid'}`);
    }
    return validator.Clean(value);
  };
}
