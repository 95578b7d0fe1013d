import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { CertificateTerm } from './certificate-ends.ts';
import type { Condition, HealthCheck } from './health.ts';

const works: Condition = { status: 'works' };

/** @param ask anything that the database has to answer */
export function databaseCheck(ask: () => unknown): HealthCheck {
  return {
    name: 'database',
    message:
      'The database does not answer: check that it runs and can be reached as BERTH_DATABASE_URL says, or that the disk of the data folder can be read.',
    async check() {
      await ask();
      return works;
    },
  };
}

export function blobStoreCheck(store: BlobStore): HealthCheck {
  return {
    name: 'blobs',
    message:
      'The blob store can be neither read nor written: check that its disk is mounted and belongs to the user that the server runs as.',
    async check() {
      const { writable } = await store.health();
      if (writable) return works;
      return {
        status: 'degraded',
        message:
          'The blob store is full: pushes are refused with 507, pulls go on. Free space on its disk, or delete what nobody needs.',
      };
    },
  };
}

export function certificateCheck(
  terms: () => readonly CertificateTerm[],
  now: () => number,
): HealthCheck {
  return {
    name: 'certificates',
    message: 'The certificate of the server cannot be read: start the server again.',
    async check() {
      const time = now();
      for (const { certificate, beginsAt, endsAt } of terms()) {
        const what = certificate === 'leaf' ? "The server's certificate" : 'The own authority';
        if (endsAt <= time) {
          const message = `${what} expired on ${new Date(endsAt).toISOString()}: replace the files that BERTH_TLS_CERTIFICATE and BERTH_TLS_KEY name, or restart a server that issues its own.`;
          return { status: 'fails', message };
        }
        if (beginsAt > time) {
          const message = `${what} is valid from ${new Date(beginsAt).toISOString()} only: check the clock of this machine.`;
          return { status: 'fails', message };
        }
      }
      return works;
    },
  };
}
