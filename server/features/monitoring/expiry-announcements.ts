import type { Database } from '#server/database/database.ts';
import type { JobHandler } from '#server/jobs/jobs.ts';
import type { CertificateTerm } from './certificate-ends.ts';
import { previousRun, robotEnds } from './queries.ts';
import { announceExpiry, type ExpiryEvent } from './writes.ts';

export const expiryKind = 'expiry-announcement';
/** At a minute that other schedules leave alone. */
export const expirySchedule = '0 17 * * * *';

const day = 24 * 60 * 60_000;
/** How long before its end something is announced, and once more at the end. */
const windows = [30 * day, 7 * day, day, 0] as const;
const longestWindow = windows[0];

export interface Expiring {
  readonly event: ExpiryEvent;
  /** What happens when, and the command that prevents it. */
  readonly message: string;
}

export interface ExpiryAnnouncementsOptions {
  readonly database: Database;
  readonly certificates: () => readonly CertificateTerm[];
  /** The name of a robot as it signs in. */
  readonly robotName: (stored: string) => string;
  readonly onExpiring: (expiring: Expiring) => void;
}

/**
 * Announces robots and certificates whose end has come near since the run before: each of them at
 * most four times, whatever number of processes there are and however often they start.
 */
export function createExpiryAnnouncements(options: ExpiryAnnouncementsOptions): JobHandler {
  const { database, certificates, robotName, onExpiring } = options;

  return {
    kind: expiryKind,
    async run({ id }) {
      const { since, now } = await previousRun(database.read, expiryKind, id);
      const range = { after: Math.max(since, now - day), until: now + longestWindow };
      const robots = (await robotEnds(database.read, range)).filter(({ endsAt }) =>
        crosses(endsAt, since, now),
      );
      const expiring = [
        ...robots.map(({ name, endsAt }) => describeRobot(robotName(name), endsAt, now)),
        ...certificates()
          .filter(({ endsAt }) => crosses(endsAt, since, now))
          .map((term) => describeCertificate(term, now)),
      ];
      if (expiring.length > 0) {
        const events = expiring.map(({ event }) => event);
        await database.write(announceExpiry, { events, now });
        expiring.forEach(onExpiring);
      }
      return { announced: expiring.length };
    },
  };
}

/** Whether a window before `endsAt`, or the end itself, begins after `since` and by `now`. */
function crosses(endsAt: number, since: number, now: number): boolean {
  return windows.some((window) => endsAt - window > since && endsAt - window <= now);
}

function describeRobot(robot: string, expiresAt: number, now: number): Expiring {
  return {
    event: { type: 'robot.expiring', robot, expiresAt },
    message: `The secret of ${robot} ${endOf(expiresAt, now)}: give it a new one with berth robot refresh ${robot}, and bring that to whoever uses it`,
  };
}

function describeCertificate(
  { certificate, fingerprint, endsAt }: CertificateTerm,
  now: number,
): Expiring {
  const what =
    certificate === 'leaf' ? 'The certificate of the server' : 'The authority of the server';
  return {
    event: { type: 'certificate.expiring', certificate, fingerprint, expiresAt: endsAt },
    message: `${what} ${endOf(endsAt, now)}: replace the files that BERTH_TLS_CERTIFICATE and BERTH_TLS_KEY name, or set them where the server issues its own`,
  };
}

function endOf(time: number, now: number): string {
  return `${time <= now ? 'ended' : 'ends'} on ${new Date(time).toISOString()}`;
}
