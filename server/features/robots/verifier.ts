import { timingSafeEqual } from 'node:crypto';
import {
  type Credential,
  type CredentialVerifier,
  hmacOfMachineSecret,
  isMachineSecret,
} from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import { chain } from '#lib/maybe-promise.ts';
import { storedNameOf } from './names.ts';
import type { RobotLookups, RobotSignIn } from './queries.ts';
import { robotSecretPrefix } from './secrets.ts';

export interface RobotVerifierOptions {
  readonly lookups: RobotLookups;
  readonly prefix: string;
  readonly secretKey: Uint8Array;
  readonly clock: () => number;
}

export function createRobotVerifier(options: RobotVerifierOptions): CredentialVerifier {
  const { lookups, prefix, secretKey, clock } = options;

  function standing(robot: RobotSignIn): Credential {
    const name = `${prefix}${robot.name}`;
    if (robot.disabled === 1) {
      throw refused(`Robot ${name} is disabled: run berth robot enable ${name}.`);
    }
    if (robot.expires_at !== null && robot.expires_at <= clock()) {
      const moment = new Date(robot.expires_at).toISOString();
      throw refused(
        `Robot ${name} expired at ${moment}: run berth robot refresh ${name} for a new secret.`,
      );
    }
    return {
      principal: { kind: 'robot', id: robot.id, name },
      stamp: String(robot.credential_generation),
      ...(robot.expires_at !== null && { expiresAt: robot.expires_at }),
    };
  }

  return {
    principalKind: 'robot',
    claims: (username) => username.startsWith(prefix),
    isGuessable: (password) => !password.startsWith(robotSecretPrefix),
    verify: (username, password) => {
      const stored = storedNameOf(prefix, username);
      if (stored === undefined) return undefined;
      if (password.startsWith(robotSecretPrefix) && !isMachineSecret(robotSecretPrefix, password)) {
        return undefined;
      }
      const hmac = hmacOfMachineSecret(secretKey, password);
      return chain(lookups.byName(stored), (robot) =>
        robot !== undefined && timingSafeEqual(hmac, robot.secret_hmac)
          ? standing(robot)
          : undefined,
      );
    },
    wrong: (username) =>
      `The robot name ${username} or its secret is wrong: check both, or make a new secret with berth robot refresh ${username}.`,
    recall: (principal, stamp) => {
      if (principal.kind !== 'robot') throw refused('No robot is asked for.');
      return chain(lookups.byId(principal.id), (robot) => {
        if (robot === undefined || String(robot.credential_generation) !== stamp) {
          throw refused(
            `Robot ${principal.name} has a new secret or is gone since this token was issued: sign in again.`,
          );
        }
        return standing(robot);
      });
    },
  };
}

function refused(message: string): Refusal {
  return new Refusal('unauthenticated', message);
}
