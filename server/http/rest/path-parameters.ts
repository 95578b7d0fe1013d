import { isRepositoryName, nameRules } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';

/**
 * The whole name of a repository that a path names within its project.
 * @throws {Refusal} `invalid`
 */
export function repositoryParameter(project: string, encoded: string): string {
  const name = `${project}/${decodeAgain(encoded)}`;
  if (isRepositoryName(name)) return name;
  throw new Refusal(
    'invalid',
    `The repository name ${quote(name)} is not valid: it must ${nameRules.repository}.`,
  );
}

/** Clients encode "/" once or twice; the router has undone one of them. */
export function decodeAgain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
