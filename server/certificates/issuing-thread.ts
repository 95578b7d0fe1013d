import { parentPort, workerData } from 'node:worker_threads';
import { createAuthority, createLeafKey, issueLeaf } from './authority.ts';
import type { Issuing } from './issuing.ts';

parentPort?.postMessage(await answer(workerData));

function answer(asked: Issuing) {
  switch (asked.kind) {
    case 'authority':
      return createAuthority(asked.now);
    case 'leaf-key':
      return createLeafKey();
    case 'leaf':
      return issueLeaf(asked.authority, asked.key, asked.names, asked.now);
  }
}
