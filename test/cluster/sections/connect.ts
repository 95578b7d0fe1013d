import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bed, registry } from '../bed.ts';

export function connectSection(bed: () => Bed): void {
  describe('connecting the cluster', () => {
    test("curl trusts the server by the pin of its key alone, and no other key's", async () => {
      const { operator } = bed();
      const key = await operator.type(
        `openssl s_client -connect ${registry} </dev/null 2>/dev/null | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`,
      );
      const fetch = (pin: string) =>
        `curl -fsSk --pinnedpubkey 'sha256//${pin}' https://${registry}/ca.crt`;
      assert.equal(await operator.type(fetch(key.trim())), bed().berth.authority);
      const other = Buffer.alloc(32).toString('base64');
      assert.match(await operator.fails(fetch(other)), /public key does not match/i);
    });
  });
}
