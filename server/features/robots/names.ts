import { isProjectName, isRobotName } from '#contract/names.ts';

/** `+` keeps robots apart from users, and no shell eats it. */
export const defaultRobotPrefix = 'robot+';

/** The stored name, `name` or `project+name`, of a robot as it signs in. */
export function storedNameOf(prefix: string, fullName: string): string | undefined {
  if (!fullName.startsWith(prefix)) return undefined;
  const stored = fullName.slice(prefix.length);
  const plus = stored.indexOf('+');
  if (plus < 0) return isRobotName(stored) ? stored : undefined;
  return isProjectName(stored.slice(0, plus)) && isRobotName(stored.slice(plus + 1))
    ? stored
    : undefined;
}
