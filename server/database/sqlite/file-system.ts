import { statfs } from 'node:fs/promises';
import { Refusal } from '#lib/errors.ts';

/** Linux's magic numbers (statfs(2)) of file systems that other machines may write at the same time. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x00c36400, 'CephFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
]);

/** The name of the network file system that `magic` stands for; undefined for a local one. */
export function networkFileSystem(magic: number): string | undefined {
  // A kernel of 32 bits reports the upper half of the numbers as negative ones.
  return networkFileSystems.get(magic >>> 0);
}

/**
 * SQLite's locks and its shared memory do not hold between machines.
 * @throws {Refusal} `unavailable` when `folder` is on a network file system.
 */
export async function refuseNetworkFileSystem(folder: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const name = networkFileSystem((await statfs(folder)).type);
  if (name === undefined) return;
  throw new Refusal(
    'unavailable',
    `The data folder ${folder} is on a network file system (${name}), where SQLite loses data: keep it on a ` +
      'local disk, or set BERTH_DATABASE_URL to a PostgreSQL database.',
  );
}
