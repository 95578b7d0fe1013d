import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { networkFileSystem, refuseNetworkFileSystem } from './file-system.ts';

describe('network file systems', () => {
  test('are known by their magic numbers', () => {
    assert.equal(networkFileSystem(0x6969), 'NFS');
    assert.equal(networkFileSystem(0xff534d42), 'CIFS');
    assert.equal(networkFileSystem(0xfe534d42), 'SMB2');
    assert.equal(networkFileSystem(0x517b), 'SMB');
    assert.equal(networkFileSystem(0x01021997), '9p');
    assert.equal(networkFileSystem(0x00c36400), 'CephFS');
  });

  test('are known where the kernel reports a negative number', () => {
    assert.equal(networkFileSystem(0xff534d42 | 0), 'CIFS');
  });

  test('are not ext4, XFS, Btrfs, tmpfs, overlayfs or FUSE', () => {
    for (const magic of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x65735546]) {
      assert.equal(networkFileSystem(magic), undefined);
    }
  });

  test('are told apart from the disk of this machine', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-sqlite-'));
    try {
      await refuseNetworkFileSystem(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
