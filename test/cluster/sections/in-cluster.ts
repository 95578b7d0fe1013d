import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Bed } from '../bed.ts';

export function inClusterSection(bed: () => Bed): void {
  describe('Berth in the cluster', () => {
    test("Helm on the operator's machine speaks to the cluster", async () => {
      assert.match(await bed().operator.type('helm list --all-namespaces'), /^NAME\s/);
    });
  });
}
