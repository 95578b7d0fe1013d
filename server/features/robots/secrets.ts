import { createMachineSecret, isMachineSecret } from '#features/auth';
import { invalid } from './errors.ts';

export const robotSecretPrefix = 'berth_robot_';

/**
 * The secret that somebody chose for a robot, or a new one where nothing was chosen.
 * @throws {Refusal} `invalid`
 */
export function secretFor(chosen: string | undefined): string {
  if (chosen === undefined || chosen === '') return createMachineSecret(robotSecretPrefix);
  if (chosen.startsWith(robotSecretPrefix)) {
    if (isMachineSecret(robotSecretPrefix, chosen)) return chosen;
    throw invalid('The secret is mistyped: its checksum does not fit. Send none to get a new one.');
  }
  const fits =
    /^[\x21-\x7e]{8,128}$/.test(chosen) &&
    /[a-z]/.test(chosen) &&
    /[A-Z]/.test(chosen) &&
    /[0-9]/.test(chosen);
  if (fits) return chosen;
  throw invalid(
    "A robot's secret must have 8 to 128 printable characters without spaces, with upper-case and lower-case letters and digits: send none to get a new one.",
  );
}
